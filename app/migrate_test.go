package app_test

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"credlane/app"
	"credlane/app/kit/pgtest"
	"credlane/configs"
)

func TestTenInstancesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	cfg, err := configs.Load(map[string]string{
		"CREDLANE_DATABASE_URL": db.URL,
		"CREDLANE_SECRET_KEY":   configs.EncodeKey(bytes.Repeat([]byte{9}, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var ran atomic.Int64
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := app.WithMigrations(t.Context(), cfg, io.Discard, func(ctx context.Context, m *app.Migrations) error {
				n, err := m.Up(ctx)
				ran.Add(int64(n))
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	err = app.WithMigrations(t.Context(), cfg, io.Discard, func(ctx context.Context, m *app.Migrations) error {
		list, err := m.Status(ctx)
		for _, s := range list {
			if !s.Applied {
				t.Errorf("%s is not applied", s.File)
			}
		}
		if int64(len(list)) != ran.Load() {
			t.Errorf("ten instances ran %d migrations, there are %d", ran.Load(), len(list))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheJobTablesComeAndGoWithTheirMigration(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	there := func() (is bool) {
		t.Helper()
		if err := db.Pool.QueryRow(t.Context(), `SELECT to_regclass('river.river_job') IS NOT NULL`).Scan(&is); err != nil {
			t.Fatal(err)
		}
		return is
	}
	migrations(t, db, func(ctx context.Context, m *app.Migrations) error {
		for round := range 2 {
			if _, err := m.Up(ctx); err != nil || !there() {
				t.Fatalf("up, round %d: %v, the job tables are there: %v", round, err, there())
			}
			for {
				file, err := m.Down(ctx)
				if err != nil {
					return err
				}
				if last := strings.HasPrefix(path.Base(file), "00007"); last != !there() {
					t.Errorf("after %s is taken back the job tables are there: %v", file, there())
				} else if last {
					break
				}
			}
		}
		return nil
	})
}

func TestAForeignSchemaOfJobsIsRefusedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	if _, err := db.Pool.Exec(t.Context(), `CREATE SCHEMA river; CREATE TABLE river.river_job ()`); err != nil {
		t.Fatal(err)
	}
	migrations(t, db, func(ctx context.Context, m *app.Migrations) error {
		if n, err := m.Up(ctx); err == nil || n != 0 || !strings.Contains(err.Error(), "a database of its own") {
			t.Errorf("%d migrations, %v", n, err)
		}
		return nil
	})
}

func migrations(t *testing.T, db pgtest.DB, fn func(context.Context, *app.Migrations) error) {
	t.Helper()
	cfg, err := configs.Load(map[string]string{
		"CREDLANE_DATABASE_URL": db.URL,
		"CREDLANE_SECRET_KEY":   configs.EncodeKey(bytes.Repeat([]byte{9}, 32)),
	})
	if err == nil {
		err = app.WithMigrations(t.Context(), cfg, io.Discard, fn)
	}
	if err != nil {
		t.Fatal(err)
	}
}
