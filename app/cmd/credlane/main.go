// Command credlane is the whole product in one binary: the server, its background work and the operator's tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// The exit codes. An interrupted command ends with 128 + SIGINT, as shells expect.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	var interrupted atomic.Bool
	go func() {
		for n := 0; ; n++ {
			s := <-signals
			interrupted.Store(s == syscall.SIGINT)
			if n > 0 { // asked twice: do not wait for the drain
				os.Exit(exitInterrupted)
			}
			cancel()
		}
	}()
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	if interrupted.Load() {
		code = exitInterrupted
	}
	os.Exit(code)
}

// run executes one command line and gives its exit code. Errors go to stderr alone.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	c := &cli{stdin: stdin, stdout: stdout, stderr: stderr, environ: environ}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitFailure // main turns it into exitInterrupted when SIGINT was the reason
	}
	fmt.Fprintf(stderr, "credlane: %s\n", strings.TrimPrefix(err.Error(), "credlane: "))
	var u usageError
	if errors.As(err, &u) {
		fmt.Fprintf(stderr, "Run \"%s --help\" for how to use it.\n", u.command)
		return exitUsage
	}
	return exitFailure
}

// usageError is a command line that says nothing we know.
type usageError struct {
	command string
	err     error
}

func (u usageError) Error() string { return u.err.Error() }

// cli holds what every command shares.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "credlane",
		Short: "CredLane: skills assessments for hiring, on your own server",
		Long: "CredLane takes a spreadsheet of questions to a score you can trust.\n\n" +
			"Every flag has an environment variable of the same name, CREDLANE_ADDR for --addr; a flag wins over the\n" +
			"environment, and the environment over the default.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd.CommandPath(), err} })
	c.configFlags(root)
	root.SetHelpCommand(help())
	root.AddCommand(c.serve(), c.worker(), c.migrate(), c.user(), c.jobs(), c.mail(), c.demo(), c.openapi(), c.routes(), c.doctor(), c.db(), c.keys(), c.version())
	strict(root)
	return root
}

// help is cobra's own, but for words that name no command, which are a wrong command line here too.
func help() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{cmd.Root().CommandPath(), fmt.Errorf("%q is not a command", strings.Join(args, " "))}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// strict makes wrong words a usage error everywhere: a group without its command, and arguments nobody asked for.
func strict(cmd *cobra.Command) {
	cmd.DisableFlagsInUseLine = true
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{cmd.CommandPath(), fmt.Errorf("%q is not a command of %q", args[0], cmd.CommandPath())}
			}
			return usageError{cmd.CommandPath(), fmt.Errorf("say which command of %q: %s", cmd.CommandPath(), names(cmd))}
		}
	} else {
		check := cmd.Args
		if check == nil {
			check = cobra.NoArgs
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

func names(cmd *cobra.Command) string {
	var list []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			list = append(list, sub.Name())
		}
	}
	return strings.Join(list, ", ")
}
