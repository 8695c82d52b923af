package imports

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"credlane/modules/imports/internal/sheet"
)

// spool keeps judged questions on disk between reading the file and writing the database: a transaction that parsed a
// spreadsheet would hold the draft's row for as long as the file is odd, and memory must not follow the file.
type spool struct {
	file *os.File
	out  *bufio.Writer
	buf  []byte // the record that is being written
	left int    // bytes of text
}

const spoolBuffer = 64 << 10

func newSpool(dir string) (*spool, error) {
	file, err := os.CreateTemp(dir, "credlane-import-*")
	if err != nil {
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	// Nameless from here on: it is gone with the process, however that ends.
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("make a spool: %w", err), file.Close())
	}
	return &spool{file: file, out: bufio.NewWriterSize(file, spoolBuffer), left: sheet.MaxInflatedBytes}, nil
}

// add keeps one question. Its error is a refusal when the questions are larger together than any file may unpack to: in a
// workbook thousands of cells can share one long text.
func (s *spool) add(q *Question) error {
	if s.left -= textOf(q); s.left < 0 {
		return &sheet.Refusal{Code: codeTooLarge, Row: q.Row, Message: fmt.Sprintf(
			"The questions up to row %d hold more than 200 MiB of text. Split the file into smaller ones and import them one after the other.", q.Row)}
	}
	s.buf = appendRecord(append(s.buf[:0], 0, 0, 0, 0), q)
	binary.LittleEndian.PutUint32(s.buf, uint32(len(s.buf)-recordHead)) // a row has a bound far below 4 GiB
	if _, err := s.out.Write(s.buf); err != nil {
		return fmt.Errorf("write the spool: %w", err)
	}
	return nil
}

// textOf counts the bytes of the question's texts.
func textOf(q *Question) int {
	n := len(q.Prompt) + len(q.Explanation) + len(q.Difficulty)
	for _, o := range q.Options {
		n += len(o.Text)
	}
	for _, list := range [][]string{q.Accepted, q.Tags} {
		for _, text := range list {
			n += len(text)
		}
	}
	return n
}

// questions reads them back in order; it may be called again after a retried transaction.
func (s *spool) questions() iter.Seq2[Question, error] {
	return func(yield func(Question, error) bool) {
		if err := s.out.Flush(); err != nil {
			yield(Question{}, fmt.Errorf("write the spool: %w", err))
			return
		}
		info, err := s.file.Stat()
		if err != nil {
			yield(Question{}, fmt.Errorf("read the spool: %w", err))
			return
		}
		in := bufio.NewReaderSize(io.NewSectionReader(s.file, 0, info.Size()), spoolBuffer)
		var buf []byte
		for {
			record, err := nextRecord(in, &buf)
			if errors.Is(err, io.EOF) {
				return
			}
			q := Question{}
			if err == nil {
				q, err = readRecord(record)
			}
			if err != nil {
				yield(Question{}, fmt.Errorf("read the spool: %w", err))
				return
			}
			if !yield(q, nil) {
				return
			}
		}
	}
}

func (s *spool) close() error { return s.file.Close() }
