package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"credlane/app"
)

func (c *cli) migrate() *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the schema up, take it back a step, or say where it is"}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "up",
			Short: "Run every migration that the database does not have",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.withMigrations(cmd, func(ctx context.Context, m *app.Migrations) error {
					n, err := m.Up(ctx)
					if err == nil {
						_, err = fmt.Fprintf(c.stdout, "%d migrations run; the schema is up to date\n", n)
					}
					return err
				})
			},
		},
		c.migrateDown(),
		c.migrateStatus(),
	)
	return cmd
}

func (c *cli) migrateDown() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "down --yes",
		Short: "Take the newest migration back, with the data that it holds",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return usageError{cmd.CommandPath(), fmt.Errorf("this drops tables and what is in them; add --yes to do it")}
			}
			return c.withMigrations(cmd, func(ctx context.Context, m *app.Migrations) error {
				file, err := m.Down(ctx)
				if err != nil {
					return err
				}
				if file == "" {
					_, err = fmt.Fprintln(c.stdout, "there is no migration to take back")
				} else {
					_, err = fmt.Fprintf(c.stdout, "took back %s\n", file)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really do it")
	return cmd
}

func (c *cli) migrateStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status [--json]",
		Short: "List the migrations and which of them the database has",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withMigrations(cmd, func(ctx context.Context, m *app.Migrations) error {
				list, err := m.Status(ctx)
				if err != nil {
					return err
				}
				return c.print(cmd, list, func() error {
					w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
					for _, s := range list {
						at := "not applied"
						if s.AppliedAt != nil {
							at = "applied " + s.AppliedAt.Format("2006-01-02 15:04:05Z")
						}
						fmt.Fprintf(w, "%d\t%s\t%s\n", s.Version, s.File, at)
					}
					return w.Flush()
				})
			})
		},
	}
	jsonFlag(cmd)
	return cmd
}

func (c *cli) withMigrations(cmd *cobra.Command, fn func(context.Context, *app.Migrations) error) error {
	cfg, err := c.config(cmd)
	if err != nil {
		return err
	}
	return app.WithMigrations(cmd.Context(), cfg, c.stderr, fn)
}
