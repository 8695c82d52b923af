package sheet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

// The shared strings of a workbook: the first 8 MiB stay in memory, the rest goes to a file that has no name any more, so
// that a crash leaves nothing behind. Rows use strings nearly in order, hence a few pages kept suffice.
const (
	memoryStrings = 8 << 20
	maxStrings    = MaxRows * MaxColumns
	pageBytes     = 64 << 10
	maxPages      = 32
)

type stringTable struct {
	mem    []byte
	starts []uint32 // where each string starts; its end is the next one's start
	total  uint32
	dir    string
	file   *os.File
	w      *bufio.Writer
	pages  map[uint32][]byte
	recent []uint32 // pages from oldest to newest
}

// loadStrings reads the part of shared strings.
func loadStrings(ctx context.Context, p *pack, key string, b *budget, dir string) (*stringTable, error) {
	t := &stringTable{dir: dir, pages: map[uint32][]byte{}}
	if p.parts[key] == nil {
		return t, nil
	}
	x, err := p.scan(ctx, key, b)
	if err != nil {
		return nil, err
	}
	var text []byte
	for {
		k, err := x.next()
		if err == nil && k == tokenOpen && string(x.name) == "si" {
			start := x.offset()
			text, err = readStringItem(x, text[:0], func() bool { return x.offset()-start > MaxStringBytes })
			if err == nil {
				err = t.add(text)
			}
		}
		switch {
		case errors.Is(err, errTokenTooLong):
			err = stringTooLarge(len(t.starts) + 1)
			fallthrough
		case err != nil:
			return nil, closing(t, partError(key, err))
		case k == tokenEnd:
			if err := t.flush(); err != nil {
				return nil, closing(t, err)
			}
			return t, nil
		}
	}
}

func stringTooLarge(n int) *Refusal {
	return refuse("string_too_large", "The workbook holds a cell text of more than 64 KiB (its %dth text). Shorten it; a question has at most 20,000 characters.", n)
}

// readStringItem collects the text of the <si> or <is> that was just opened: plain text and the runs of rich text, without
// the phonetic hints that Japanese workbooks carry.
func readStringItem(x *xmlScanner, dst []byte, tooLong func() bool) ([]byte, error) {
	depth, inText := len(x.stack), false
	mark := len(dst)
	for {
		k, err := x.next()
		if err != nil {
			return dst, err
		}
		if tooLong() {
			return dst, errTokenTooLong
		}
		switch k {
		case tokenOpen:
			if string(x.name) == "rPh" {
				if err := x.skipElement(); err != nil {
					return dst, err
				}
				continue
			}
			inText = string(x.name) == "t"
		case tokenText:
			if inText {
				if dst, err = appendText(dst, x.text, x.cdata); err != nil {
					return dst, err
				}
			}
		case tokenClose:
			inText = false
			if len(x.stack) < depth {
				return unescape(dst, mark), nil
			}
		case tokenEnd:
			return dst, errMalformed
		}
	}
}

// unescape decodes the escapes in dst behind mark, which are rare.
func unescape(dst []byte, mark int) []byte {
	if !bytes.Contains(dst[mark:], []byte("_x")) {
		return dst
	}
	return appendXstring(dst[:mark], bytes.Clone(dst[mark:]))
}

func (t *stringTable) add(b []byte) error {
	if len(t.starts) >= maxStrings {
		return refuse("too_many_strings", "The workbook holds more than 10 million texts. Copy the questions to a new workbook and upload that.")
	}
	t.starts = append(t.starts, t.total)
	t.total += uint32(len(b)) // below 200 MiB in all, by the budget
	if t.file == nil && len(t.mem)+len(b) <= memoryStrings {
		t.mem = append(t.mem, b...)
		return nil
	}
	if t.file == nil {
		f, err := os.CreateTemp(t.dir, "credlane-strings-")
		if err != nil {
			return fmt.Errorf("put shared strings aside: %w", err)
		}
		t.file, t.w = f, bufio.NewWriterSize(f, pageBytes)
		if err := os.Remove(f.Name()); err != nil {
			return fmt.Errorf("unname the file of shared strings: %w", err)
		}
	}
	_, err := t.w.Write(b)
	return err
}

func (t *stringTable) flush() error {
	if t.w == nil {
		return nil
	}
	return t.w.Flush()
}

// append adds string i to dst; ok is false when there is no such string.
func (t *stringTable) append(dst []byte, i int) (out []byte, ok bool, err error) {
	if i < 0 || i >= len(t.starts) {
		return dst, false, nil
	}
	from, to := t.bounds(i)
	if int(to) <= len(t.mem) {
		return append(dst, t.mem[from:to]...), true, nil
	}
	from -= uint32(len(t.mem))
	to -= uint32(len(t.mem))
	for from < to {
		page, err := t.page(from / pageBytes)
		if err != nil {
			return dst, false, err
		}
		lo := int(from % pageBytes)
		hi := min(len(page), lo+int(to-from))
		if hi <= lo {
			return dst, false, fmt.Errorf("shared string %d: the file put aside is short", i)
		}
		dst = append(dst, page[lo:hi]...)
		from += uint32(hi - lo)
	}
	return dst, true, nil
}

func (t *stringTable) bounds(i int) (from, to uint32) {
	if i+1 < len(t.starts) {
		return t.starts[i], t.starts[i+1]
	}
	return t.starts[i], t.total
}

func (t *stringTable) page(n uint32) ([]byte, error) {
	if p, ok := t.pages[n]; ok {
		return p, nil
	}
	var p []byte
	if len(t.recent) >= maxPages {
		p = t.pages[t.recent[0]]
		delete(t.pages, t.recent[0])
		t.recent = t.recent[:copy(t.recent, t.recent[1:])]
	} else {
		p = make([]byte, pageBytes)
	}
	m, err := t.file.ReadAt(p[:pageBytes], int64(n)*pageBytes)
	if m == 0 && err != nil {
		return nil, fmt.Errorf("read shared strings put aside: %w", err)
	}
	t.pages[n] = p[:m]
	t.recent = append(t.recent, n)
	return p[:m], nil
}

// Close gives the file back.
func (t *stringTable) Close() error {
	if t.file == nil {
		return nil
	}
	f := t.file
	t.file = nil
	return f.Close()
}

// closing gives t's file back after err, which stays the error unless closing fails too.
func closing(t *stringTable, err error) error {
	if cerr := t.Close(); cerr != nil {
		return errors.Join(err, cerr)
	}
	return err
}
