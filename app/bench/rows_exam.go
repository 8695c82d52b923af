package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// busy is the subject of visitors that ask as soon as they are answered, for a span.
func (b *bench) busy(target func() *process, visitors []visitor) subject {
	return func(ctx context.Context) (sample, error) { return b.closedSample(ctx, target(), visitors, b.span()) }
}

func (b *bench) closedSample(ctx context.Context, target *process, visitors []visitor, d time.Duration) (got sample, err error) {
	got.cost, err = b.meterCPU(target, func() (float64, error) {
		l, err := closed(ctx, target.addr, visitors, d)
		got.value = l.rate()
		return float64(len(l.latencies)), err
	})
	return got, err
}

// us is the server of the moment: a row may have started a fresh one.
func (b *bench) us() *process { return b.server }

// limit is the subject of a script, for a span.
func (b *bench) limit(s pgscript) subject {
	return func(ctx context.Context) (sample, error) { return b.transactions(ctx, s, b.span()) }
}

func landing(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	path := "/api/v1/public/assessments/" + w.slug
	status, body, err := b.api.call(ctx, b.server.addr, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	if err := expected("GET "+path, http.StatusOK, status, body, nil); err != nil {
		return nil, err
	}
	bare, err := b.startBare(ctx, len(body))
	if err != nil {
		return nil, err
	}
	ours := func(n int) []visitor {
		return same(n, request{bytes: encode(http.MethodGet, path, b.server.addr, "", nil), want: http.StatusOK})
	}
	theirs := func(n int) []visitor {
		return same(n, request{bytes: encode(http.MethodGet, path, bare.addr, "", nil), want: http.StatusOK})
	}
	seen, err := b.compare(ctx, b.rounds(), b.busy(b.us, ours(clients)), b.busy(func() *process { return bare }, theirs(clients)))
	if err != nil {
		return nil, err
	}
	list := []figure{paired("landing", "/s", seen[0], seen[1], fmt.Sprintf("bare Echo, %d bytes", len(body))).atLeast(0.80)}
	tail := func(addr string, visitors []visitor) subject {
		return func(ctx context.Context) (sample, error) {
			l, err := open(ctx, addr, visitors, 8000, b.span())
			if err == nil {
				err = l.check()
			}
			return sample{value: milliseconds(l.at(0.99))}, err
		}
	}
	seen, err = b.compare(ctx, b.rounds(), tail(b.server.addr, ours(openClients)), tail(bare.addr, theirs(openClients)))
	if err != nil {
		return list, err
	}
	return append(list, paired("landing p99 at 8,000/s", "ms", seen[0], seen[1], "bare Echo's").ratioAtMost(2)), bare.stop()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// poolSize is how many submissions under way take turns where a row does not use them up.
const poolSize = 1000

// openPools makes submissions with five answers each: ours through the API, the limit's in the database.
func (b *bench) openPools(ctx context.Context, w *world) (ours []sitting, limit map[string]string, err error) {
	if ours, err = b.sittings(ctx, w, poolSize); err != nil {
		return nil, nil, err
	}
	if err := b.answer(ctx, w, ours); err != nil {
		return nil, nil, err
	}
	first, err := b.pool(ctx, w, poolSize, false)
	if err != nil {
		return nil, nil, err
	}
	_, err = b.db.Exec(ctx, "ANALYZE submissions, submission_answers, users")
	return ours, map[string]string{"first": strconv.FormatInt(first, 10), "last": strconv.FormatInt(first+poolSize-1, 10)}, err
}

func fetch(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	ours, pool, err := b.openPools(ctx, w)
	if err != nil {
		return nil, err
	}
	script := w.script("fetch", pool, "\\set n random(:first, :last)\n", stAttempt, stAnswers)
	seen, err := b.compare(ctx, b.rounds(), b.busy(b.us, b.readers(ours, clients)), b.limit(script))
	if err != nil {
		return nil, err
	}
	f := paired("fetch (GET /public/submission)", "/s", seen[0], seen[1], "its two SELECTs").atLeast(0.45)
	return []figure{f.with("%d questions, %d answers", questionCount, answeredCount)}, nil
}

func autosave(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	ours, pool, err := b.openPools(ctx, w)
	if err != nil {
		return nil, err
	}
	visitors := make([]visitor, clients)
	for i := range visitors {
		visitors[i] = &saver{world: w, host: b.server.addr, sittings: ours[i*len(ours)/clients : (i+1)*len(ours)/clients]}
	}
	pool["k5"] = strconv.Itoa(answeredCount)
	script := w.script("autosave", pool, "\\set n random(:first, :last)\n\\set k random(1, :k5)\n", stUpsert)
	seen, err := b.compare(ctx, b.rounds(), b.busy(b.us, visitors), b.limit(script))
	if err != nil {
		return nil, err
	}
	return []figure{paired("autosave", "/s", seen[0], seen[1], "the one upsert with its trigger").atLeast(0.40)}, nil
}

func start(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	visitors := make([]visitor, clients)
	for i := range visitors {
		visitors[i] = b.starter(w, -1)
	}
	each := w.script("start-each", nil, stCount, stBegin, stInsertUser, stInsertSubmission, stAuditStart, stCommit)
	once := w.script("start-once", nil, stCount, startTrip())
	seen, err := b.compare(ctx, b.rounds(), b.busy(b.us, visitors), b.limit(each), b.limit(once))
	if err != nil {
		return nil, err
	}
	return []figure{
		paired("start", "/s", seen[0], seen[1], "its 3 INSERTs in a transaction, one by one").atLeast(0.45),
		paired("start, strictly", "/s", seen[0], seen[2], "the same, sent together").atLeast(0.45),
	}, nil
}

// submit uses its submissions up, so each round is a number of them and not a time.
func submit(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	n := 1600
	ours := func(ctx context.Context) (sample, error) {
		started, err := b.sittings(ctx, w, n)
		if err != nil {
			return sample{}, err
		}
		if err := b.answer(ctx, w, started); err != nil {
			return sample{}, err
		}
		visitors := make([]visitor, clients)
		for i := range visitors {
			o := &once{want: http.StatusOK}
			for _, s := range started[i*len(started)/clients : (i+1)*len(started)/clients] {
				o.requests = append(o.requests, submitRequest(b.server.addr, s.token))
			}
			visitors[i] = o
		}
		return b.closedSample(ctx, b.server, visitors, time.Minute)
	}
	const each = 400 // in each client: what a new connection costs must not count
	limit := func(usersOnly bool, script pgscript) subject {
		return func(ctx context.Context) (sample, error) {
			first, err := b.pool(ctx, w, int64(each*clients), usersOnly)
			if err != nil {
				return sample{}, err
			}
			// The count begins at 1, so the first number is one before.
			script.vars["base"], script.vars["stride"] = strconv.FormatInt(first-1, 10), strconv.Itoa(each)
			got, err := b.exactly(ctx, script, each)
			if err != nil {
				return got, err
			}
			return got, b.allSubmitted(ctx, first, each*clients)
		}
	}
	six := w.script("submit-six", nil, stCount, stBegin, stAssessment, stExists, stKeys, stInsertSubmitted, stCommit)
	apart := w.script("submit-each", nil, stCount, stBegin, stLock, stAnswers, stEnd, stAuditSubmit, stCommit)
	together := w.script("submit-trips", nil, stCount, submitTrips())
	seen, err := b.compare(ctx, min(3, b.rounds()), ours, limit(true, six), limit(false, apart), limit(false, together))
	if err != nil {
		return nil, err
	}
	return []figure{
		paired("submit", "/s", seen[0], seen[1], "six round trips: BEGIN, assessment, exists?, keys, INSERT, COMMIT").atLeast(0.90),
		paired("submit", "/s", seen[0], seen[2], "lock, answers, close, audit in a transaction, one by one").atLeast(0.45),
		paired("submit, strictly", "/s", seen[0], seen[3], "the same in two round trips").atLeast(0.45),
	}, nil
}

// allSubmitted makes sure that a limit did what it was paid for: an UPDATE that finds no row is quick.
func (b *bench) allSubmitted(ctx context.Context, first int64, n int) error {
	var got int
	err := b.db.QueryRow(ctx, `SELECT count(*) FROM submissions WHERE status = 'submitted'
		AND id BETWEEN lpad($1::text, 32, '0')::uuid AND lpad($2::text, 32, '0')::uuid`,
		strconv.FormatInt(first, 10), strconv.FormatInt(first+int64(n)-1, 10)).Scan(&got)
	if err == nil && got != n {
		err = fmt.Errorf("the limit submitted %d of %d", got, n)
	}
	return err
}

// mixCPU is the processor time that one request of the mix may cost server and Postgres together.
const mixCPU = 260 // microseconds

func mix(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	ours := b.busy(b.us, b.examinees(w, clients))
	script := w.script("mix", nil, exam())
	limit := func(ctx context.Context) (sample, error) {
		exams, err := b.transactions(ctx, script, b.span())
		return sample{exams.value * examSteps, exams.per(examSteps)}, err
	}
	seen, err := b.compare(ctx, b.rounds(), ours, limit)
	if err != nil {
		return nil, err
	}
	f := paired("exam-day mix", "requests/s", seen[0], seen[1], "the same statements in as few round trips").atLeast(0.60)
	cost := figure{What: "mix, CPU a request", Ours: f.OursCPU, Unit: "us"}.atMost(mixCPU)
	return []figure{f.with("start, questions, %d saves, submit", answeredCount), cost.with("server %.0f, Postgres %.0f", f.ServerCPU, f.OursCPU-f.ServerCPU)}, nil
}
