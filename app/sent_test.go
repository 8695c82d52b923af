package app_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"credlane/app"
	"credlane/app/kit/pgtest"
)

// sentByLists gives every statement that the program sends for whatever filters and orders a request to read may have, and
// the first request that sent it. Statements that are put together out of parts are no constants, so they are taken off the
// wire; the parameters come from the program's own document, so that a new filter takes part by itself.
func sentByLists(t *testing.T) map[string]string {
	t.Helper()
	db := pgtest.New(t)
	w := newWiretap(t, db)
	s := newStage(t, instance(t, pgtest.DB{URL: w.url, Pool: db.Pool}, app.Options{}), 1)
	if _, err := w.taken(); err != nil { // what the stage itself sent
		t.Fatal(err)
	}
	sent := map[string]string{}
	for _, o := range operations(t) {
		if o.method != "GET" || o.who == "public" || o.who == "candidate" {
			continue
		}
		path := s.at(o.path, nil)
		for _, query := range combinations(o.query) {
			r := s.send(o, path+"?"+query.Encode(), nil)
			if r.status != 200 {
				t.Fatalf("GET %s?%s: %d %s", path, query.Encode(), r.status, r.body)
			}
			statements, err := w.taken()
			if err != nil {
				t.Fatal(err)
			}
			for _, sql := range statements {
				if _, known := sent[sql]; !known {
					sent[sql] = o.id + " " + query.Encode()
				}
			}
		}
	}
	return sent
}

// combinations are all ways to give or leave out the parameters. Of an order every value is tried; of another enumeration the
// first and the last, which for decisions is the one that means none.
func combinations(parameters []parameter) []url.Values {
	all := []url.Values{{}}
	for _, p := range parameters {
		var values []string
		for _, v := range p.Schema.Enum {
			values = append(values, fmt.Sprint(v))
		}
		switch {
		case p.Name == "limit", p.Name == "cursor", p.Name == "bom": // no part of a statement
			continue
		case len(values) > 2 && p.Name != "sort":
			values = []string{values[0], values[len(values)-1]}
		case len(values) > 0:
		case p.Schema.Format == "date-time":
			values = []string{"2026-03-02T10:00:00Z"}
		case p.Schema.Format == "uuid":
			values = []string{uuid.Max.String()}
		case p.Schema.is("integer"):
			values = []string{"1"}
		default:
			values = []string{"session.created"}
		}
		for _, q := range slices.Clone(all) {
			for _, v := range values {
				with := url.Values{p.Name: {v}}
				for name, given := range q {
					with[name] = given
				}
				all = append(all, with)
			}
		}
	}
	return all
}

// wiretap stands between the program and Postgres and notes every statement that goes by.
type wiretap struct {
	url string
	mu  sync.Mutex
	sql []string
	err error
}

func newWiretap(t *testing.T, db pgtest.DB) *wiretap {
	t.Helper()
	config, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiretap{url: (&url.URL{Scheme: "postgres", User: url.User(config.User), Host: listener.Addr().String(), Path: "/" + config.Database,
		RawQuery: "sslmode=disable"}).String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			running.Go(func() { w.carry(client, config) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
	})
	return w
}

// carry copies what the two say to each other until one of them leaves.
func (w *wiretap) carry(client net.Conn, config *pgx.ConnConfig) {
	defer client.Close()
	network, address := "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	if strings.HasPrefix(config.Host, "/") {
		network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	server, err := net.Dial(network, address)
	if err != nil {
		w.note("", err)
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	defer back.Wait()
	back.Go(func() {
		_, _ = io.Copy(client, server) // how a connection ends is the program's affair
		_ = client.Close()
	})
	if err := w.pass(client, server); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed) {
		w.note("", err)
	}
	_ = server.Close()
}

// pass hands on the client's half of a conversation, noting each statement before the server has it.
func (w *wiretap) pass(client, server net.Conn) error {
	b := pgproto3.NewBackend(client, client)
	var message pgproto3.FrontendMessage
	message, err := b.ReceiveStartupMessage()
	for err == nil {
		switch m := message.(type) {
		case *pgproto3.Parse:
			w.note(m.Query, nil)
		case *pgproto3.Query:
			w.note(m.String, nil)
		}
		var raw []byte
		if raw, err = message.Encode(nil); err != nil {
			break
		}
		if _, err = server.Write(raw); err == nil {
			message, err = b.Receive()
		}
	}
	return err
}

func (w *wiretap) note(sql string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.sql = append(w.sql, sql)
}

// taken gives what was noted since it was last asked.
func (w *wiretap) taken() ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sql := w.sql
	w.sql = nil
	return sql, w.err
}
