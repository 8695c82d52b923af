// Package web is where the pages live: the employer's dashboard and the candidate's test, over the modules' services.
//
// Until they are there, a browser is led to the API's own pages, and every capability is in the REST API and the command line.
package web
