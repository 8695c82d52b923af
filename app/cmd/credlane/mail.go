package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"credlane/app"
)

func (c *cli) mail() *cobra.Command {
	cmd := &cobra.Command{Use: "mail", Short: "Look at the mail that is owed, was sent, or is kept because there is no mail server, and send it"}
	cmd.AddCommand(c.mailList(), c.mailShow(), c.mailSend())
	return cmd
}

func (c *cli) mailList() *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:   "list [--state STATE] [--limit N] [--json]",
		Short: "List mails of the last 90 days, newest first",
		Long: "The states: queued (owed), sent (the mail server took it), kept (there is no mail server), dropped (it came to\n" +
			"nothing before it was sent), failed (refused, or not delivered within two days).",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > longestList {
				return usageError{cmd.CommandPath(), fmt.Errorf("--limit is a number from 1 to %d", longestList)}
			}
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				list, err := a.Mails(ctx, state, limit)
				if err != nil {
					return err
				}
				return c.print(cmd, list, func() error { return c.printMails(list) })
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only mails in this state")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many mails at most")
	jsonFlag(cmd)
	return cmd
}

func (c *cli) printMails(list []app.Mail) error {
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "MAIL\tTEMPLATE\tSTATE\tTO\tDUE\tLAST ERROR")
	for _, m := range list {
		reason := ""
		if m.LastError != nil {
			reason = firstLine(*m.LastError)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Template, m.State, visible(m.To), m.DueAt.Format(time.RFC3339), reason)
	}
	return w.Flush()
}

// visible keeps what strangers typed from steering the terminal.
func visible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

func (c *cli) mailShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show MAIL [--json]",
		Short: "Print a mail with its links, which work",
		Long:  "The links are secrets of the person whom the mail is for: hand them to nobody else.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				m, err := a.Mail(ctx, args[0])
				if err != nil {
					return err
				}
				return c.print(cmd, m, func() error { return c.printMail(m) })
			})
		},
	}
	jsonFlag(cmd)
	return cmd
}

func (c *cli) mailSend() *cobra.Command {
	return &cobra.Command{
		Use:   "send MAIL",
		Short: "Queue a mail again that was kept or has failed",
		Long:  "It goes out if what it is about still stands: the link of a mail that is too old is not sent, and the mail is dropped.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.SendMail(ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.stdout, "mail %s: it is queued again\n", args[0])
				return err
			})
		},
	}
}

func (c *cli) printMail(m *app.ShownMail) error {
	fmt.Fprintf(c.stdout, "Mail: %s, %s, %s\n", m.ID, m.Template, m.State)
	if m.LastError != nil {
		fmt.Fprintf(c.stdout, "Last error: %s\n", *m.LastError)
	}
	for _, h := range m.Headers {
		fmt.Fprintf(c.stdout, "%s: %s\n", h.Name, h.Value)
	}
	_, err := fmt.Fprintf(c.stdout, "\n%s", m.Text)
	return err
}
