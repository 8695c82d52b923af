package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// figure is one line of the result.
type figure struct {
	Row   string  `json:"row"`
	What  string  `json:"what"`
	Ours  float64 `json:"ours"`
	Unit  string  `json:"unit"`
	Limit float64 `json:"limit,omitempty"` // measured in turn; absent where the goal is an absolute one
	Of    string  `json:"limitIs,omitempty"`
	Ratio float64 `json:"ratio,omitempty"` // the median of the pairs, not the ratio of the medians
	Goal  string  `json:"goal,omitempty"`
	Met   *bool   `json:"met,omitempty"`
	Note  string  `json:"note,omitempty"`

	// Processor time of an operation in microseconds, without that of the clients.
	OursCPU   float64 `json:"cpuMicroseconds,omitempty"`
	ServerCPU float64 `json:"serverCpuMicroseconds,omitempty"` // the server's part of it
	LimitCPU  float64 `json:"limitCpuMicroseconds,omitempty"`
}

type fact struct {
	Name string `json:"name"`
	Says string `json:"says"`
}

// atLeast sets a goal for the ratio.
func (f figure) atLeast(goal float64) figure {
	met := f.Ratio >= goal
	f.Goal, f.Met = fmt.Sprintf("ratio >= %g", goal), &met
	return f
}

// ratioAtMost sets a goal for the ratio, where less is better.
func (f figure) ratioAtMost(goal float64) figure {
	met := f.Ratio <= goal
	f.Goal, f.Met = fmt.Sprintf("ratio <= %g", goal), &met
	return f
}

// atMost sets a goal for the figure itself.
func (f figure) atMost(goal float64) figure {
	met := f.Ours <= goal
	f.Goal, f.Met = fmt.Sprintf("<= %g %s", goal, f.Unit), &met
	return f
}

func (f figure) with(note string, args ...any) figure {
	f.Note = fmt.Sprintf(note, args...)
	return f
}

// median is the middle of the values, for an even number the mean of the two.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

func report(w io.Writer, asJSON bool, figures []figure, facts []fact) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			Figures []figure `json:"figures"`
			Facts   []fact   `json:"facts"`
		}{figures, facts})
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nOPERATION\tOURS\tLIMIT\tRATIO\tGOAL\tMET\tCPU: SERVER + POSTGRES, LIMIT\tTHE LIMIT, NOTES")
	for _, f := range figures {
		limit, ratio, met, cpu := "-", "-", "-", "-"
		if f.Of != "" {
			limit, ratio = number(f.Limit)+" "+f.Unit, fmt.Sprintf("%.2f", f.Ratio)
		}
		if f.Met != nil {
			met = map[bool]string{true: "yes", false: "NO"}[*f.Met]
		}
		if f.OursCPU > 0 {
			cpu = fmt.Sprintf("%.0f + %.0f, %.0f us", f.ServerCPU, f.OursCPU-f.ServerCPU, f.LimitCPU)
		}
		notes := f.Of
		if f.Note != "" && notes != "" {
			notes += "; "
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.What, number(f.Ours), f.Unit, limit, ratio, cmp.Or(f.Goal, "-"), met, cpu, notes+f.Note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nCPU is the processor time of an operation (of a limit: in Postgres or the bare handler), without that of the clients.\n"+
		"With other work on the machine it holds better than rates do.\n\n")
	t = tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, f := range facts {
		fmt.Fprintf(t, "%s\t%s\n", f.Name, f.Says)
	}
	return t.Flush()
}

// number shows three digits or the whole.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
