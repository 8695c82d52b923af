package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

func importCSV(ctx context.Context, b *bench) ([]figure, error) {
	n := b.size(50_000)
	content, err := csvFile(n)
	if err != nil {
		return nil, err
	}
	list, err := b.importRow(ctx, "CSV import", "questions.csv", content, n, 0.80)
	if err != nil {
		return nil, err
	}
	return list, nil
}

func importXLSX(ctx context.Context, b *bench) ([]figure, error) {
	n := b.size(10_000)
	content, err := xlsxFile(n)
	if err != nil {
		return nil, err
	}
	return b.importRow(ctx, "XLSX import", "questions.xlsx", content, n, 0.60)
}

// importRow compares the import of a file with COPY of the rows that it became into the same two tables, then imports once
// more while others work, and reads the peak of memory, on a fresh server.
func (b *bench) importRow(ctx context.Context, what, name string, content []byte, n int, goal float64) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := b.fresh(ctx); err != nil {
		return nil, err
	}
	token, err := b.signIn(ctx)
	if err != nil {
		return nil, err
	}
	var last string        // the assessment that holds the rows
	var took time.Duration // of the last import
	rate := func(took time.Duration) float64 { return float64(n) / took.Seconds() }
	imported := func(ctx context.Context) (got sample, err error) {
		if last, err = b.draft(ctx, token, what); err != nil {
			return got, err
		}
		got.cost, err = b.meterCPU(b.server, func() (_ float64, err error) {
			took, err = b.importFile(ctx, token, last, name, content, n)
			got.value = rate(took)
			return float64(n), err
		})
		return got, err
	}
	copied := func(ctx context.Context) (got sample, err error) {
		target, err := b.draft(ctx, token, what+", the limit")
		if err != nil {
			return got, err
		}
		limit, err := b.prepareCopy(ctx, last, target)
		if err != nil {
			return got, err
		}
		got.cost, err = b.meterCPU(nil, func() (float64, error) {
			took, err := limit(ctx)
			got.value = rate(took)
			return float64(n), err
		})
		return got, err
	}
	seen, err := b.compare(ctx, min(3, b.rounds()), imported, copied)
	if err != nil {
		return nil, err
	}
	size := float64(len(content)) / mib
	list := []figure{paired(fmt.Sprintf("%s of %d rows", what, n), "rows/s", seen[0], seen[1], "COPY of the same rows into the same tables").
		atLeast(goal).with("%.1f MiB", size)}
	l, err := b.others(ctx, w, took, func(ctx context.Context) error { _, err := imported(ctx); return err })
	if err != nil {
		return list, err
	}
	tail := figure{What: "fetch p99 during a " + what, Ours: milliseconds(l.at(0.99)), Unit: "ms"}.atMost(25)
	peak, err := b.memory("VmHWM")
	if err != nil {
		return list, err
	}
	memory := figure{What: "memory, " + what, Ours: float64(peak) / mib, Unit: "MiB"}.atMost(96)
	return append(list, tail.with("%d/s", othersRate), memory.with("the peak (VmHWM) of a fresh server over %d imports", len(seen[0])+1)), nil
}

// prepareCopy reads the questions and keys of one assessment and gives what writes them into another with COPY, in one
// transaction, and tells the time that took.
func (b *bench) prepareCopy(ctx context.Context, from, to string) (func(context.Context) (time.Duration, error), error) {
	var questions, keys bytes.Buffer
	base := b.numbers(perClient)
	columns, err := b.columns(ctx, "questions")
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("lpad((%d + q.position)::text, 32, '0')::uuid", base)
	selected := slices.Clone(columns)
	for i, c := range columns {
		switch c {
		case "id":
			selected[i] = id
		case "assessment_id":
			selected[i] = quote(to) + "::uuid"
		default:
			selected[i] = "q." + c
		}
	}
	conn := b.db.PgConn()
	if _, err := conn.CopyTo(ctx, &questions, fmt.Sprintf("COPY (SELECT %s FROM questions q WHERE q.assessment_id = %s) TO STDOUT",
		strings.Join(selected, ", "), quote(from))); err != nil {
		return nil, err
	}
	if _, err := conn.CopyTo(ctx, &keys, fmt.Sprintf("COPY (SELECT %s, k.employer_id, k.key FROM questions q JOIN answer_keys k ON k.question_id = q.id "+
		"WHERE q.assessment_id = %s) TO STDOUT", id, quote(from))); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		err := pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
			_, err := conn.CopyFrom(ctx, &questions, "COPY questions ("+strings.Join(columns, ", ")+") FROM STDIN")
			if err != nil {
				return err
			}
			_, err = conn.CopyFrom(ctx, &keys, "COPY answer_keys (question_id, employer_id, key) FROM STDIN")
			return err
		})
		return time.Since(began), err
	}, nil
}

func (b *bench) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := b.db.Query(ctx, `SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// exportGrowth is by how much an export may raise the resident memory.
const exportGrowth = 32

func exports(ctx context.Context, b *bench) ([]figure, error) {
	if _, err := b.world(ctx); err != nil {
		return nil, err
	}
	n := b.size(200_000)
	token, err := b.signIn(ctx)
	if err != nil {
		return nil, err
	}
	assessment, _, err := b.publish(ctx, "Export", questionCount)
	if err != nil {
		return nil, err
	}
	b.say("loading %d submissions with %d answers each", n, answeredCount)
	if _, err := b.finished(ctx, assessment, n, true); err != nil {
		return nil, err
	}
	var list []figure
	for _, kind := range []string{"csv", "ndjson"} {
		f, err := b.export(ctx, token, assessment, kind, n)
		if err != nil {
			return list, err
		}
		list = append(list, f)
	}
	return list, nil
}

func (b *bench) export(ctx context.Context, token, assessment, kind string, n int) (figure, error) {
	before, err := b.fresh(ctx)
	if err != nil {
		return figure{}, err
	}
	if err := b.resetPeak(); err != nil {
		return figure{}, err
	}
	took, bytes, err := b.download(ctx, token, "/api/v1/assessments/"+assessment+"/submissions."+kind)
	if err != nil {
		return figure{}, err
	}
	if bytes < int64(n)*50 {
		return figure{}, errors.New("the export is too short to hold every submission")
	}
	peak, err := b.memory("VmHWM")
	if err != nil {
		return figure{}, err
	}
	f := figure{What: fmt.Sprintf("memory, %s export of %d", kind, n), Ours: float64(peak-before) / mib, Unit: "MiB more"}.atMost(exportGrowth)
	return f.with("from %.1f MiB; %.0f MiB of file in %.1f s, %.0f submissions/s", float64(before)/mib, float64(bytes)/mib, took.Seconds(), float64(n)/took.Seconds()), nil
}
