package rest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

type importForm struct {
	DryRun bool    `form:"dryRun" doc:"Only judge."`
	Sheet  string  `form:"sheet" maxBytes:"10"`
	Base   *int    `form:"answerBase" enum:"0,1"`
	Edits  *string `form:"edits" maxBytes:"1048576"`
	File   File    `form:"file"`
}

type importIn struct {
	Limit int `query:"limit" default:"7"`
	Form  Form[importForm]
}

// sendForm makes a body of name=value fields; "file=name=content" is a file.
func sendForm(t *testing.T, w *world, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if fileName, content, ok := strings.Cut(value, "="); ok && name == "file" {
			part, err := form.CreateFormFile(name, fileName)
			if err == nil {
				_, err = io.WriteString(part, content)
			}
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return w.do(t, "POST", "/import", b.String(), "Content-Type", form.FormDataContentType())
}

func TestAFormIsSpooledJudgedAndRemoved(t *testing.T) {
	t.Parallel()
	var dir string
	w := newWorld(t, func(o *Options) { dir = o.TempDir; o.MaxUploads = 1 })
	var kept File
	Handle(w.Host, Op{Method: "POST", Path: "/import", ID: "import", Summary: "Import", Access: Public, MaxBody: 200_000},
		func(_ context.Context, in *importIn) (*noteOut, error) {
			f := in.Form.Value
			kept = f.File
			content, err := io.ReadAll(f.File.Reader())
			if err != nil {
				return nil, err
			}
			if sha256.Sum256(content) != f.File.SHA256 || int64(len(content)) != f.File.Size {
				return nil, errors.New("the file is not what it says")
			}
			base := -1
			if f.Base != nil {
				base = *f.Base
			}
			return &noteOut{Body: fmt.Sprint(f.DryRun, " ", f.Sheet, " ", base, " ", f.Edits == nil, " ", f.File.Name, " ", len(content), " ", in.Limit)}, nil
		})
	big := strings.Repeat("q,a\n", 40_000)
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"dryRun=true", "sheet=S1", "answerBase=1", "file=a.csv=" + big}, `200 "true S1 1 true a.csv 160000 7"`},
		{[]string{`file=C:\secret\..\b.csv=x`}, `200 "false  -1 true b.csv 1 7"`},
		{[]string{"file=c.csv="}, `200 "false  -1 true c.csv 0 7"`},
		{[]string{"dryRun=true"}, "422 form.file Send the file"},
		{[]string{"dryRun=maybe", "answerBase=2", "sheet=12345678901", "file=a.csv=x"}, "422 form.answerBase Use one of 0, 1."},
		{[]string{"dryRun=maybe", "answerBase=2", "sheet=12345678901", "file=a.csv=x"}, "422 form.sheet Use at most 10 bytes."},
		{[]string{"dryrun=true", "file=a.csv=x"}, "400 malformed_form form.dryrun"},
		{[]string{"sheet=a", "sheet=b", "file=a.csv=x"}, "400 malformed_form twice"},
		{[]string{"file=a.csv=x", "sheet=b"}, "400 malformed_form before"},
		{[]string{"file=a.csv=x", "file=b.csv=x"}, "400 malformed_form twice"},
		{[]string{"sheet=\x00", "file=b.csv=x"}, "400 invalid_text form.sheet"},
		{[]string{"file=a.csv=" + strings.Repeat("x", 250_000)}, "413 too_large larger"},
	} {
		rec := sendForm(t, w, c.fields...)
		text := fmt.Sprint(rec.Code, " ", rec.Body)
		for _, part := range strings.SplitN(c.want, " ", 3) {
			if !strings.Contains(text, part) {
				t.Errorf("%.60q: %s, want %s", c.fields, text, c.want)
				break
			}
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 0 {
			t.Fatalf("left behind: %v %v", left, err)
		}
	}
	if _, err := kept.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Error("the file outlived its handler:", err)
	}
	if rec := w.do(t, "POST", "/import", "--x--", "Content-Type", "multipart/form-data; boundary=x", "Content-Encoding", "gzip"); rec.Code != 415 {
		t.Errorf("a form said to be compressed: %d", rec.Code)
	}
	for contentType, want := range map[string]int{"application/json": 415, "multipart/form-data": 415, "multipart/form-data; boundary=x": 400} {
		if rec := w.do(t, "POST", "/import", `{}`, "Content-Type", contentType); rec.Code != want {
			t.Errorf("%s: %d %s", contentType, rec.Code, rec.Body)
		}
	}
}

func TestAFormThatIsCutAnywhereIsMalformed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handled := 0
	Handle(w.Host, Op{Method: "POST", Path: "/import", ID: "import", Summary: "Import", Access: Public},
		func(context.Context, *importIn) (*noteOut, error) { handled++; return &noteOut{}, nil })
	const end = "--b--"
	form := strings.ReplaceAll("--b\nContent-Disposition: form-data; name=\"sheet\"\n\nS1\n"+
		"--b\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\nContent-Type: text/csv\n\nq,a\n"+end, "\n", "\r\n")
	send := func(body string) *httptest.ResponseRecorder {
		return w.do(t, "POST", "/import", body, "Content-Type", "multipart/form-data; boundary=b")
	}
	for n := 1; n < len(form); n++ {
		if rec := send(form[:n]); rec.Code != 400 || code(rec) != "malformed_form" {
			t.Errorf("cut after %q: %d %s", form[:n], rec.Code, rec.Body)
		}
	}
	if handled != 0 {
		t.Errorf("half a form was handled %d times", handled)
	}
	for _, whole := range []string{form, form + "\r\n", form + "\r\nan epilogue", "a preamble\r\n" + form, strings.ReplaceAll(form, "\r", "") + "\n"} {
		if rec := send(whole); rec.Code != 200 {
			t.Errorf("%q: %d %s", whole, rec.Code, rec.Body)
		}
	}
}

func TestABodyShorterThanAnnouncedIsMalformedAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handled := make(chan string, 4)
	Handle(w.Host, Op{Method: "POST", Path: "/notes", ID: "note", Summary: "Note", Access: Public},
		func(_ context.Context, in *noteIn) (*noteOut, error) { handled <- in.Body.Text; return &noteOut{}, nil })
	Handle(w.Host, Op{Method: "POST", Path: "/import", ID: "import", Summary: "Import", Access: Public},
		func(context.Context, *importIn) (*noteOut, error) { handled <- "a form"; return &noteOut{}, nil })
	server := httptest.NewServer(w.echo)
	defer server.Close()
	for _, c := range []struct{ path, contentType, body string }{
		{"/notes", "application/json", `{"text":"whole"}`},
		{"/notes", "application/json", `{"text":"ha`},
		{"/import", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nq\r\n--b-"},
		{"/import", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-da"},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", c.path, c.contentType, len(c.body)+20, c.body)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: %v", c.body, err)
		}
		if res.StatusCode != 400 {
			t.Errorf("%q: %d", c.body, res.StatusCode)
		}
	}
	if len(handled) != 0 {
		t.Errorf("half a body was handled: %s", <-handled)
	}
}
