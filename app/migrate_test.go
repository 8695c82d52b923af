package app_test

import (
	"bytes"
	"context"
	"io"
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
