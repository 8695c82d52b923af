package main

import (
	"strings"

	"github.com/spf13/cobra"

	"credlane/configs"
)

// settings are the variables that a flag can set too. The secret key is not among them: a command line is no place for it.
var settings = []struct{ flag, env, help string }{
	{"addr", "CREDLANE_ADDR", "where to listen, host:port (localhost:8080)"},
	{"data-dir", "CREDLANE_DATA_DIR", "where the embedded Postgres and the secret key live"},
	{"database-url", "CREDLANE_DATABASE_URL", "a Postgres of yours; without it the embedded one runs"},
	{"database-direct-url", "CREDLANE_DATABASE_DIRECT_URL", "the same database past a transaction pooler, for migrations"},
	{"public-url", "CREDLANE_PUBLIC_URL", "the address people use, for links and cookies"},
	{"trusted-proxies", "CREDLANE_TRUSTED_PROXIES", "networks whose X-Forwarded-For is believed, comma-separated"},
	{"registration", "CREDLANE_REGISTRATION", "who may register an employer: first, open or closed (first)"},
	{"log-level", "CREDLANE_LOG_LEVEL", "debug, info, warn or error (info)"},
	{"log-format", "CREDLANE_LOG_FORMAT", "json or text (json)"},
}

func (c *cli) configFlags(root *cobra.Command) {
	for _, s := range settings {
		root.PersistentFlags().String(s.flag, "", s.help)
	}
}

// config is the environment with the flags laid over it, checked. A mistake in either is a usage error.
func (c *cli) config(cmd *cobra.Command) (configs.Config, error) {
	environ := make(map[string]string, len(c.environ))
	for _, pair := range c.environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			environ[name] = value
		}
	}
	for _, s := range settings {
		if f := cmd.Flags().Lookup(s.flag); f != nil && f.Changed {
			environ[s.env] = f.Value.String()
		}
	}
	cfg, err := configs.Load(environ)
	if err != nil {
		return cfg, usageError{cmd.CommandPath(), err}
	}
	return cfg, nil
}
