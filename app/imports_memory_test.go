package app_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// bigBank writes a form with a bank of so many rows to disk, as people's spreadsheets look, and gives its content type.
func bigBank(t *testing.T, rows int) (file *os.File, contentType string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "form"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	form := multipart.NewWriter(file)
	part, err := form.CreateFormFile("file", "bank.csv")
	if err != nil {
		t.Fatal(err)
	}
	out := csv.NewWriter(part)
	records := [][]string{{"question", "a", "b", "c", "d", "answer", "points", "tags", "explanation"}}
	for n := range rows {
		records = append(records, []string{
			fmt.Sprintf("Question %d: which statement about step %d of the procedure is right, given the naïve reading of its rule?", n, n%97),
			fmt.Sprintf("It is carried out %d times", n), fmt.Sprintf("It is left out when \"%d\" comes first", n),
			fmt.Sprintf("It fails with code %d, always", n), fmt.Sprintf("It waits for step %d", n+1),
			"abcd"[n%4 : n%4+1], fmt.Sprint(1 + n%3), fmt.Sprintf("topic-%d", n%12), fmt.Sprintf("See section %d.%d.", n%40, n%7),
		})
	}
	if err := out.WriteAll(records); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return file, form.FormDataContentType()
}

// TestMemoryDoesNotFollowTheImportedFile measures the whole process, so it does not run in parallel with others: Go runs a
// package's parallel tests only when those without t.Parallel are done.
func TestMemoryDoesNotFollowTheImportedFile(t *testing.T) {
	const limit = 96 << 20
	w, token, a := withDraft(t)
	form, contentType := bigBank(t, 50_000)
	size, err := form.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapInuse, m.HeapInuse
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
		}
	}()
	// Read from disk while it is sent: the client's copy must not count.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1/assessments/"+a+"/questions/import", io.NewSectionReader(form, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	close(stop)
	<-stopped
	if err != nil || res.StatusCode != 201 {
		t.Fatalf("%v %d %.300s", err, res.StatusCode, bytes.TrimSpace(body))
	}
	if n := w.questionCount(a); n != 50_000 {
		t.Errorf("%d questions", n)
	}
	t.Logf("a form of %d KiB: the heap grew from %d KiB to %d KiB at most", size>>10, before>>10, peak>>10)
	if peak-before > limit {
		t.Errorf("the heap grew by %d MiB", (peak-before)>>20)
	}
}
