package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"credlane/app"
)

func (c *cli) serve() *cobra.Command {
	var workers bool
	cmd := &cobra.Command{
		Use:   "serve [--addr host:port] [--database-url URL]",
		Short: "Serve the API and the pages, and do the background work",
		Long: "Serves until SIGTERM or Ctrl-C, then answers what is under way and stops within 10 seconds.\n" +
			"Without --database-url it runs a private Postgres of its own in the data directory.\n" +
			"The schema is brought up to date first; any number of instances may start together.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.config(cmd)
			if err != nil {
				return err
			}
			tuneGC(c.environ)
			return app.Serve(cmd.Context(), cfg, app.ServeOptions{Version: version, Log: c.stderr, Workers: workers})
		},
	}
	cmd.Flags().BoolVar(&workers, "workers", true, "do background work in this process too")
	return cmd
}

func (c *cli) worker() *cobra.Command {
	var plan app.JobPlan
	cmd := &cobra.Command{
		Use:   "worker [--concurrency N] [--queues LIST]",
		Short: "Do the background work alone, beside any number of servers",
		Long: "Works on jobs until SIGTERM or Ctrl-C, then finishes what is under way or hands it back, within 10 seconds.\n" +
			"Any number of workers share the jobs; those of one that dies are taken over within a minute.\n" +
			"The queues: events, urgent, mail, webhooks, upkeep.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := plan.Check(); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			cfg, err := c.config(cmd)
			if err != nil {
				return err
			}
			return app.Work(cmd.Context(), cfg, app.ServeOptions{Version: version, Log: c.stderr, Jobs: plan})
		},
	}
	cmd.Flags().IntVar(&plan.Concurrency, "concurrency", 0, "how many jobs of each queue at once (each queue's own number)")
	cmd.Flags().StringVar(&plan.Queues, "queues", "", "work on these queues alone, such as mail,webhooks (all)")
	return cmd
}

func (c *cli) version() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version [--json]",
		Short: "Say which version this is",
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := app.Version(version)
			return c.print(cmd, v, func() error {
				_, err := fmt.Fprintf(c.stdout, "credlane %s (%s)\n", v.Version, v.Go)
				return err
			})
		},
	}
	jsonFlag(cmd)
	return cmd
}

func (c *cli) openapi() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI document of the REST API",
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := app.OpenAPI()
			if err != nil {
				return err
			}
			_, err = c.stdout.Write(doc)
			return err
		},
	}
}

func (c *cli) routes() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "routes [--json]",
		Short: "List every route with who may call it",
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := app.Routes()
			if err != nil {
				return err
			}
			return c.print(cmd, list, func() error {
				w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
				for _, r := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\n", r.Method, r.Path, r.Who)
				}
				return w.Flush()
			})
		},
	}
	jsonFlag(cmd)
	return cmd
}

func (c *cli) doctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [--json]",
		Short: "Check configuration, database, encoding, migrations, disk and clock, and say what to do",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, cfgErr := c.config(cmd)
			report := app.Doctor(cmd.Context(), cfg, cfgErr)
			if err := c.print(cmd, report, func() error { return printReport(c, report) }); err != nil {
				return err
			}
			if !report.OK {
				return fmt.Errorf("not everything is well: see the lines above")
			}
			return nil
		},
	}
	jsonFlag(cmd)
	return cmd
}

func printReport(c *cli, r app.Report) error {
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	for _, check := range r.Checks {
		mark := "ok"
		if !check.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", mark, check.Name, check.Says)
		if check.Do != "" {
			fmt.Fprintf(w, "\t\tDo: %s\n", check.Do)
		}
	}
	return w.Flush()
}

func (c *cli) demo() *cobra.Command {
	var candidates int
	cmd := &cobra.Command{
		Use:   "demo [--candidates N]",
		Short: "Fill the database with a realistic employer, three assessments and their candidates",
		Long: "Makes them through the program's own services, so what you see is what it does. Says how to sign in.\n" +
			"A second run finds the employer there and leaves everything as it is.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if candidates < 1 || candidates > 10000 {
				return usageError{cmd.CommandPath(), fmt.Errorf("--candidates is a number from 1 to 10000")}
			}
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				return a.Demo(ctx, c.stdout, candidates)
			})
		},
	}
	cmd.Flags().IntVar(&candidates, "candidates", 250, "how many candidates take the tests, 1 to 10000")
	return cmd
}

// withApp runs fn with the app built on a database that is up to date, and closes it after.
func (c *cli) withApp(cmd *cobra.Command, fn func(context.Context, *app.App) error) error {
	cfg, err := c.config(cmd)
	if err != nil {
		return err
	}
	return app.With(cmd.Context(), cfg, app.ServeOptions{Version: version, Log: c.stderr}, fn)
}

func jsonFlag(cmd *cobra.Command) {
	cmd.Flags().Bool("json", false, "print JSON, always in the same order")
}

// print writes v as JSON when --json was given, and lets human write otherwise.
func (c *cli) print(cmd *cobra.Command, v any, human func() error) error {
	if asJSON, err := cmd.Flags().GetBool("json"); err != nil || !asJSON {
		if err != nil {
			return err
		}
		return human()
	}
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
