package sheet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// openCSV finds encoding and delimiter and makes sure that there is at least one row with something in it.
func openCSV(ctx context.Context, r io.ReaderAt, size int64, name string, o Options) (*File, error) {
	enc, bom, err := encodingOf(r, size, o.Encoding)
	if err != nil {
		return nil, asUnreadable(err)
	}
	text := func() io.Reader { return decoded(r, size, enc, bom) }
	sample := make([]byte, 128<<10)
	n, err := io.ReadFull(text(), sample)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, asUnreadable(err)
	}
	whole := n < len(sample)
	sample = sample[:n]
	hint, skip := sepLine(sample)
	delim, err := delimiterOption(o.Delimiter)
	if err != nil {
		return nil, err
	}
	if delim == 0 {
		delim = hint
	}
	if delim == 0 {
		delim = sniffDelimiter(sample, whole, strings.HasSuffix(strings.ToLower(name), ".tsv"))
	}
	f := &File{Encoding: enc, BOM: bom > 0, Delimiter: string(delim)}
	f.rows = func(_ context.Context, row func(*Row) error) error {
		p := newCSVReader(text(), delim)
		if skip > 0 {
			if err := p.discard(skip); err != nil {
				return asUnreadable(err)
			}
			p.line = 2
		}
		return p.each(row)
	}
	found := false
	err = f.rows(ctx, func(r *Row) error {
		if found = !r.Blank(); found {
			return errStop
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if !found {
		return nil, emptyFile()
	}
	return f, nil
}

func asUnreadable(err error) error {
	var ref *Refusal
	if errors.As(err, &ref) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return refuse("unreadable_file", "The file could not be read. Upload it again.").because(err)
}

func delimiterOption(s string) (byte, error) {
	switch strings.ToLower(s) {
	case "":
		return 0, nil
	case ",", "comma":
		return ',', nil
	case ";", "semicolon":
		return ';', nil
	case "\t", "tab", `\t`:
		return '\t', nil
	}
	return 0, refuse("unknown_delimiter", "The delimiter option is not known. Use comma, semicolon or tab, or leave it out.")
}

// sepLine reads the hint "sep=;" that Excel understands in a first line of its own. It gives the delimiter (0 if the line
// names none that we read) and how many bytes the line takes.
func sepLine(b []byte) (delim byte, length int) {
	end := bytes.IndexAny(b, "\r\n")
	if end < 0 || end > 8 {
		return 0, 0
	}
	line := strings.Trim(string(b[:end]), `"`)
	if len(line) < 4 || !strings.EqualFold(line[:4], "sep=") {
		return 0, 0
	}
	length = end + 1
	if b[end] == '\r' && end+1 < len(b) && b[end+1] == '\n' {
		length++
	}
	if d, err := delimiterOption(line[4:]); err == nil {
		delim = d
	}
	return delim, length
}

// sniffDelimiter takes the candidate with which most records have as many fields as the first one. A candidate that does
// not stand in the first record is out: decimal commas and semicolons in prose mislead otherwise.
func sniffDelimiter(sample []byte, whole, tsv bool) byte {
	best, bestShare, bestWidth := byte(','), -1, 0
	for _, d := range []byte{',', ';', '\t'} {
		first, same, n := 0, 0, 0
		p := newCSVReader(bytes.NewReader(sample), d)
		_ = p.each(func(r *Row) error { // a broken end of the sample is reported when the file itself is read
			if r.Blank() {
				return nil
			}
			if n++; n == 1 {
				first = len(r.Cells)
			}
			if len(r.Cells) == first {
				same++
			}
			if n == 200 {
				return errStop
			}
			return nil
		})
		if !whole && n > 1 && n < 200 {
			n-- // the last record of a cut sample is cut
			same = min(same, n)
		}
		if first < 2 || n == 0 {
			continue
		}
		share := same * 1000 / n
		if d == '\t' && tsv {
			share++
		}
		if share > bestShare || share == bestShare && first > bestWidth {
			best, bestShare, bestWidth = d, share, first
		}
	}
	return best
}

// csvReader reads RFC 4180 as spreadsheets write it: CRLF, LF or CR end a record, a quote opens a field only at its start, a
// doubled quote inside is one quote, and what follows a closing quote belongs to the field (as in Excel). Its memory is one
// row and one buffer, whatever the file.
type csvReader struct {
	src        io.Reader
	delim      byte
	buf        []byte
	pos, end   int
	eof        bool
	line       int // the line of the next byte
	data       []byte
	ends       []int
	row        Row
	openedLine int  // where the quote stands that is open now, else 0
	sawQuote   bool // in this record
}

func newCSVReader(src io.Reader, delim byte) *csvReader {
	return &csvReader{src: src, delim: delim, buf: make([]byte, 64<<10), line: 1}
}

func (p *csvReader) fill() error {
	if p.eof {
		return nil
	}
	p.pos, p.end = 0, 0
	for range 100 {
		n, err := p.src.Read(p.buf)
		p.end = n
		if errors.Is(err, io.EOF) {
			p.eof = true
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return io.ErrNoProgress
}

// peek gives the next byte, or ok false at the end of the file.
func (p *csvReader) peek() (c byte, ok bool, err error) {
	for p.pos == p.end {
		if p.eof {
			return 0, false, nil
		}
		if err := p.fill(); err != nil {
			return 0, false, err
		}
	}
	return p.buf[p.pos], true, nil
}

func (p *csvReader) discard(n int) error {
	for ; n > 0; n-- {
		if _, ok, err := p.peek(); err != nil || !ok {
			return err
		}
		p.pos++
	}
	return nil
}

func (p *csvReader) each(row func(*Row) error) error {
	for number := 1; ; number++ {
		if _, ok, err := p.peek(); err != nil {
			return asUnreadable(err)
		} else if !ok {
			return nil
		}
		p.row.Number, p.row.Line = number, p.line
		p.data, p.ends = p.data[:0], p.ends[:0]
		if err := p.record(); err != nil {
			return asUnreadable(err)
		}
		p.publish()
		if err := row(&p.row); err != nil {
			return err
		}
	}
}

// record reads fields up to and including the end of the record.
func (p *csvReader) record() error {
	for {
		last, err := p.field()
		if err != nil {
			return err
		}
		switch filled := len(p.ends) == 0 || p.ends[len(p.ends)-1] < len(p.data); {
		case len(p.ends) < MaxColumns:
			p.ends = append(p.ends, len(p.data))
		case filled: // empty cells out there are dropped: spreadsheets write them by the thousand
			return tooManyColumns(p.row.Number)
		}
		if last {
			break
		}
	}
	if len(p.ends) == 1 && len(p.data) == 0 && !p.sawQuote {
		p.ends = p.ends[:0] // a blank line has no field
	}
	p.sawQuote = false
	return nil
}

// field reads one field and the delimiter or line end after it; last says that it was the record's last.
func (p *csvReader) field() (last bool, err error) {
	start := len(p.data)
	c, ok, err := p.peek()
	if err != nil || !ok {
		return true, err
	}
	if c == '"' {
		p.pos++
		p.openedLine, p.sawQuote = p.line, true
		if err := p.quoted(start); err != nil {
			return true, err
		}
		p.openedLine = 0
	}
	for {
		c, ok, err := p.peek()
		if err != nil || !ok {
			return true, err
		}
		i := p.pos
		for i < p.end && p.buf[i] != p.delim && p.buf[i] != '\n' && p.buf[i] != '\r' {
			i++
		}
		if i > p.pos {
			p.data = append(p.data, p.buf[p.pos:i]...)
			p.pos = i
			if err := p.bounds(start); err != nil {
				return true, err
			}
			continue
		}
		p.pos++
		if c == p.delim {
			return false, nil
		}
		p.line++
		if c == '\r' {
			if next, ok, err := p.peek(); err != nil {
				return true, err
			} else if ok && next == '\n' {
				p.pos++
			}
		}
		return true, nil
	}
}

// quoted reads up to the closing quote.
func (p *csvReader) quoted(start int) error {
	cr := false // the last byte was CR: a LF after it is no line of its own, also across two buffers
	for {
		_, ok, err := p.peek()
		if err != nil {
			return err
		}
		if !ok {
			return p.unclosed()
		}
		part := p.buf[p.pos:p.end]
		q := bytes.IndexByte(part, '"')
		if q >= 0 {
			part = part[:q]
		}
		if len(part) > 0 {
			p.line += lines(part, cr)
			cr = part[len(part)-1] == '\r'
			p.data = append(p.data, part...)
			p.pos += len(part)
			if err := p.bounds(start); err != nil {
				return err
			}
		}
		if q < 0 {
			continue
		}
		p.pos++
		if next, ok, err := p.peek(); err != nil {
			return err
		} else if !ok || next != '"' {
			return nil
		}
		p.pos++
		p.data = append(p.data, '"')
		cr = false
	}
}

func lines(b []byte, afterCR bool) int {
	n := bytes.Count(b, []byte{'\n'})
	if cr := bytes.Count(b, []byte{'\r'}); cr > 0 {
		n += cr - bytes.Count(b, []byte("\r\n"))
	}
	if afterCR && b[0] == '\n' {
		n--
	}
	return n
}

func (p *csvReader) bounds(start int) error {
	if len(p.data)-start <= MaxFieldBytes && len(p.data) <= MaxRowBytes {
		return nil
	}
	if p.openedLine > 0 && p.line > p.openedLine {
		return p.unclosed()
	}
	ref := rowTooLarge(p.row.Number)
	if len(p.data)-start > MaxFieldBytes {
		ref = refuse("field_too_large", "Row %d (line %d) has a cell of more than 96 KiB. Shorten the text; a question has at most 20,000 characters.", p.row.Number, p.row.Line).at(p.row.Number, 0, 0)
	}
	ref.Line, ref.Column = p.row.Line, len(p.ends)+1
	return ref
}

func (p *csvReader) unclosed() error {
	return refuse("unclosed_quote", "A quotation mark opened on line %d (row %d, column %s) is never closed. Close it, or double the quotation marks that belong to the text.",
		p.openedLine, p.row.Number, ColumnName(len(p.ends)+1)).at(p.row.Number, p.openedLine, len(p.ends)+1)
}

// publish makes the row's cells: one string for the whole row, cut at the ends of the fields.
func (p *csvReader) publish() {
	all := string(p.data)
	p.row.Cells, p.row.Faults = p.row.Cells[:0], p.row.Faults[:0]
	from, sound := 0, utf8.ValidString(all) && strings.IndexByte(all, 0) < 0
	for _, end := range p.ends {
		p.row.Cells = append(p.row.Cells, all[from:end])
		if from < end && !utf8.RuneStart(all[from]) { // a character in two cells is whole only in the row
			sound = false
		}
		from = end
	}
	if sound {
		return
	}
	for i, c := range p.row.Cells {
		switch {
		case strings.IndexByte(c, 0) >= 0:
			p.row.Faults = append(p.row.Faults, Fault{Column: i + 1, Code: "nul_character", Message: "the cell holds a NUL character, which no text may. Delete it and type the text again."})
		case !utf8.ValidString(c):
			p.row.Faults = append(p.row.Faults, Fault{Column: i + 1, Code: "invalid_utf8", Message: "the cell holds bytes that are no UTF-8 text. Type it again, or save the file as \"CSV UTF-8\"."})
		}
	}
}
