package jobs_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
)

// The test binary is also a worker that can be killed: with this variable it works on the jobs of a database and does nothing else.
const workerURL = "JOBS_TEST_WORKER_URL"

// believed is how long the tests' workers are believed to live: long enough that one which merely waits for a processor is not
// taken for dead.
const believed = 2 * time.Second

func TestMain(m *testing.M) {
	if url := os.Getenv(workerURL); url != "" {
		if err := work(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// work is the worker's whole program.
func work(url string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := pg.Open(ctx, pg.Options{URL: url, MaxConns: 6})
	if err != nil {
		return err
	}
	defer db.Close()
	c := jobs.New(jobs.Options{DB: db, AliveFor: believed})
	c.Handle(slowly)
	fmt.Println("working")
	return c.Work(ctx, jobs.Plan{})
}

// slowly takes a while, so that a kill meets it in its work.
var slowly = jobs.Kind{Name: "slowly", Queue: jobs.Mail, Timeout: time.Minute, Pause: atOnce, Attempts: 100,
	Work: func(ctx context.Context, a *jobs.Attempt) error {
		err := a.InTx(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELECT pg_sleep(0.02)`)
			return err
		})
		if err != nil {
			return err
		}
		return leave(ctx, a)
	}}

// process starts a worker process and waits until it works.
func (w *world) process() *exec.Cmd {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerURL+"="+w.url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // the test failed before it did
			_ = cmd.Wait()
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "working") {
		w.t.Fatalf("the worker says %q, %v", line, err)
	}
	return cmd
}

func (w *world) signal(cmd *exec.Cmd, s syscall.Signal) {
	w.t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		w.t.Fatal(err)
	}
}

// Workers are killed, and others stopped for longer than anyone believes them alive and then let go on, at any moment of their
// work. Every job is done, and its effect is there once: a second one would break the key of effects, and a job whose effect is
// lost would be missed.
func TestKilledAndStalledWorkersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{AliveFor: believed}, slowly)
	const owed, rounds = 600, 12
	list := make([]jobs.Job, owed)
	for i := range list {
		list[i] = jobs.Job{Kind: "slowly"}
	}
	w.enqueue(c, list...)
	done := func() int { return w.count(`SELECT count(*) FROM effects`) }
	for n := range rounds {
		cmd, before := w.process(), done()
		// At some moment of the first jobs of this worker, another one each round.
		mark := before + 1 + rand.IntN(20)
		w.eventually("the worker works", func() bool { return done() >= min(mark, owed) })
		if n%3 < 2 {
			w.signal(cmd, syscall.SIGKILL)
			_ = cmd.Wait() // it was killed; that is what Wait would say
			continue
		}
		w.signal(cmd, syscall.SIGSTOP)
		second := w.process()
		w.eventually("the stopped worker's jobs are taken over", func() bool {
			return w.count(`SELECT count(*) FROM river.river_job WHERE state = 'running' AND attempted_by[cardinality(attempted_by)] LIKE '% ' || $1 || ' %'`,
				strconv.Itoa(cmd.Process.Pid)) == 0
		})
		w.signal(cmd, syscall.SIGCONT)
		for _, p := range []*exec.Cmd{cmd, second} {
			w.signal(p, syscall.SIGTERM)
			if err := p.Wait(); err != nil {
				t.Errorf("a worker that was asked to stop: %v", err)
			}
		}
	}
	w.start(c, jobs.Plan{})
	w.eventually("every job is done", func() bool { return done() == owed })
	w.settled(c, owed, jobs.Succeeded)
	if n := w.count(`SELECT count(*) FROM effects e JOIN river.river_job j ON j.id = e.job AND j.attempt = e.attempt`); n != owed {
		t.Errorf("%d of %d effects are those of the attempt that ended the job", n, owed)
	}
	if n := w.count(`SELECT count(*) FROM effects WHERE attempt > 1`); n == 0 {
		t.Error("no kill met a job in its work: this shows nothing")
	}
}
