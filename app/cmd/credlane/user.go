package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"credlane/app"
)

func (c *cli) user() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Add people, and print the links that they need"}
	cmd.AddCommand(
		c.userAdd(),
		c.userLink("reset-link EMAIL", "Print a link with which a person sets a new password",
			`POST /api/v1/auth/password/reset {"token", "password"}`, (*app.App).ResetLink),
		c.userLink("verify-link EMAIL", "Print a link that verifies a person's address",
			`POST /api/v1/auth/email/verify {"token"}`, (*app.App).VerifyLink),
		c.invitationLink(),
	)
	return cmd
}

func (c *cli) userAdd() *cobra.Command {
	var u app.NewUser
	var passwordStdin bool
	cmd := &cobra.Command{
		Use:   "add --email EMAIL --name NAME [--organization NAME | --employer SLUG] [--role ROLE]",
		Short: "Add a member to an employer, or a new employer with its owner",
		Long: "With --organization it makes a new employer, whose owner the person becomes. With --employer it adds a member\n" +
			"to the one there is. Without --password-stdin it prints a link with which the person sets a password.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if u.Email == "" || u.Name == "" {
				return usageError{cmd.CommandPath(), errors.New("give --email and --name")}
			}
			if (u.Organization == "") == (u.Employer == "") {
				return usageError{cmd.CommandPath(), errors.New("give either --organization or --employer")}
			}
			if passwordStdin {
				password, err := readPassword(c.stdin)
				if err != nil {
					return err
				}
				u.Password = password
			}
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				link, err := a.AddUser(ctx, u)
				if err != nil {
					return err
				}
				if link == "" {
					_, err = fmt.Fprintf(c.stdout, "added %s\n", u.Email)
				} else {
					_, err = fmt.Fprintf(c.stdout, "added %s; they set a password at:\n%s\n", u.Email, link)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&u.Email, "email", "", "the person's address")
	f.StringVar(&u.Name, "name", "", "the person's name")
	f.StringVar(&u.Organization, "organization", "", "the name of a new employer")
	f.StringVar(&u.Employer, "employer", "", "the slug of an employer that is there")
	f.StringVar(&u.Role, "role", "", "owner, admin, recruiter or viewer (viewer; a new employer's first is its owner)")
	f.BoolVar(&passwordStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (c *cli) invitationLink() *cobra.Command {
	var employer string
	cmd := c.userLink("invitation-link EMAIL [--employer SLUG]", "Print a new link for an open invitation; the one before stops working",
		`POST /api/v1/auth/invitations/{token}/accept {"name", "password"}`,
		func(a *app.App, ctx context.Context, email string) (string, error) {
			return a.InvitationLink(ctx, email, employer)
		})
	cmd.Flags().StringVar(&employer, "employer", "", "the slug of the employer, when there are several")
	return cmd
}

// userLink prints a link on stdout, and on stderr the operation that takes its token without a page.
func (c *cli) userLink(use, short, operation string, link func(*app.App, context.Context, string) (string, error)) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				url, err := link(a, ctx, args[0])
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintln(c.stdout, url); err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.stderr, "Its token also works with %s.\n", operation)
				return err
			})
		},
	}
}

const maxPassword = 1024 // bytes read from standard input; the longest password is shorter

func readPassword(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPassword))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return "", errors.New("standard input held no password")
	}
	return password, nil
}
