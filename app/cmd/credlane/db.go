package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"credlane/app"
)

func (c *cli) db() *cobra.Command {
	cmd := &cobra.Command{Use: "db", Short: "Look after the embedded Postgres"}
	cmd.AddCommand(&cobra.Command{
		Use:   "upgrade",
		Short: "Move the embedded Postgres's data to the newest Postgres on this machine",
		Long:  "Needs the programs of both the old and the new major version. The old data stay beside the new until you remove them.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.config(cmd)
			if err != nil {
				return err
			}
			says, err := app.UpgradeDatabase(cmd.Context(), cfg, c.stderr)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.stdout, says)
			return err
		},
	})
	return cmd
}

func (c *cli) keys() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Look after the keys that sign tokens"}
	cmd.AddCommand(&cobra.Command{
		Use:   "rotate",
		Short: "Make a new key sign from now on; nobody is signed out",
		Long:  "Keys rotate by themselves every 30 days. Tokens of the old key stay good until they expire.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.RotateKeys(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(c.stdout, "a new key signs from two minutes on")
				return err
			})
		},
	})
	return cmd
}
