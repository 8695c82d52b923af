// Package module says what a module shows the host.
package module

import (
	"context"

	"credlane/app/kit/rest"
)

// Module is one capability: a name and the operations it mounts.
type Module interface {
	Name() string
	Mount(*rest.Host)
}

// Runner is a module with work of its own while the app serves. Run returns when ctx ends.
type Runner interface {
	Run(context.Context) error
}
