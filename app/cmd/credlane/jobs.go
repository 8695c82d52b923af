package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"credlane/app"
)

func (c *cli) jobs() *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "Look at the background work, and decide about what failed"}
	cmd.AddCommand(c.jobsList(), c.jobsShow(),
		c.jobsAct("retry", "Give a dead job its attempts again", "it is queued again", (*app.App).RetryJob),
		c.jobsAct("forget", "Drop a dead job for good: what it owed is not done", "it is gone", (*app.App).ForgetJob))
	return cmd
}

// longestList is how many lines a list prints at most.
const longestList = 10_000

func (c *cli) jobsList() *cobra.Command {
	var state, kind string
	var limit int
	cmd := &cobra.Command{
		Use:   "list [--state STATE] [--kind KIND] [--limit N] [--json]",
		Short: "List jobs, newest first",
		Long:  "The states: queued, running, succeeded (kept for a day), retrying, dead (kept until you decide).",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > longestList {
				return usageError{cmd.CommandPath(), fmt.Errorf("--limit is a number from 1 to %d", longestList)}
			}
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				list, err := a.Jobs(ctx, state, kind, limit)
				if err != nil {
					return err
				}
				return c.print(cmd, list, func() error { return c.printJobs(list) })
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only jobs in this state")
	cmd.Flags().StringVar(&kind, "kind", "", "only jobs of this kind, such as mail.send")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many jobs at most")
	jsonFlag(cmd)
	return cmd
}

func (c *cli) printJobs(list []app.Job) error {
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tKIND\tQUEUE\tSTATE\tATTEMPTS\tNEXT\tLAST ERROR")
	for _, j := range list {
		next, reason := "", ""
		if j.NextRunAt != nil {
			next = j.NextRunAt.Format(time.RFC3339)
		}
		if j.LastError != nil {
			reason = firstLine(*j.LastError)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d/%d\t%s\t%s\n", j.Number, j.Kind, j.Queue, j.State, j.Attempts, j.MaxAttempts, next, reason)
	}
	return w.Flush()
}

// firstLine keeps a table a table.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	const most = 100
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "..."
	}
	return line
}

func (c *cli) jobsShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show JOB [--json]",
		Short: "Show one job by its number or id",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				j, err := a.Job(ctx, args[0])
				if err != nil {
					return err
				}
				return c.print(cmd, j, func() error { return c.printJob(j) })
			})
		},
	}
	jsonFlag(cmd)
	return cmd
}

func (c *cli) printJob(j app.Job) error {
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "job\t%d\nid\t%s\nkind\t%s\nqueue\t%s\nstate\t%s\nattempts\t%d of %d\ncreated\t%s\n",
		j.Number, j.ID, j.Kind, j.Queue, j.State, j.Attempts, j.MaxAttempts, j.CreatedAt.Format(time.RFC3339))
	if j.EmployerID != nil {
		fmt.Fprintf(w, "employer\t%s\n", j.EmployerID)
	}
	fmt.Fprintf(w, "arguments\t%s\n", j.Args)
	if j.NextRunAt != nil {
		fmt.Fprintf(w, "next\t%s\n", j.NextRunAt.Format(time.RFC3339))
	}
	if j.EndedAt != nil {
		fmt.Fprintf(w, "ended\t%s\n", j.EndedAt.Format(time.RFC3339))
	}
	if j.LastError != nil {
		fmt.Fprintf(w, "last error\t%s\n", *j.LastError)
	}
	return w.Flush()
}

func (c *cli) jobsAct(verb, short, done string, act func(*app.App, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " JOB",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := act(a, ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.stdout, "job %s: %s\n", args[0], done)
				return err
			})
		},
	}
}
