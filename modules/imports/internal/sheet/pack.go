package sheet

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxEntries bounds the parts of a workbook; one with a thousand pictures stays below.
const maxEntries = 10_000

// pack is the zip file of a workbook after it was found harmless.
type pack struct {
	parts map[string]*zip.File // by lower-case name with forward slashes
	order []string             // those names, as they stand in the file
}

var errInflated = errors.New("too much")

// openPack reads the directory of the zip and refuses what no spreadsheet program writes.
func openPack(r io.ReaderAt, size int64) (*pack, error) {
	if n, err := countSignatures(r, size); err != nil {
		return nil, asUnreadable(err)
	} else if n > maxEntries {
		return nil, refuse("too_many_parts", "The workbook has more than 10,000 parts. Copy the questions to a new workbook and upload that.")
	}
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, refuse("truncated_workbook", "The workbook is damaged or incomplete, perhaps because its upload or download was cut off. Save it again and upload it.").because(err)
	}
	p := &pack{parts: make(map[string]*zip.File, len(z.File))}
	var declared uint64
	for _, f := range z.File {
		name := strings.ReplaceAll(f.Name, `\`, "/") // some Windows writers
		if strings.HasSuffix(name, "/") {
			continue // a folder
		}
		key := strings.ToLower(strings.TrimPrefix(name, "/"))
		switch {
		case f.Flags&1 != 0:
			return nil, refuse("encrypted_part", "A part of the workbook is encrypted. Save it without a password and upload that.")
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return nil, refuse("unusual_compression", "The workbook is packed in a way that spreadsheet programs do not use. Open it in your spreadsheet program, save it as .xlsx, and upload that.")
		case path.Clean("/"+key) != "/"+key || strings.ContainsAny(key, ":\x00"):
			return nil, refuse("unsafe_part_name", "The workbook has a part with an unsafe name. Copy the questions to a new workbook and upload that.")
		case p.parts[key] != nil:
			return nil, refuse("duplicate_part", "The workbook has two parts of one name, so that it is not clear which one counts. Save it again in your spreadsheet program and upload that.")
		}
		if declared += f.UncompressedSize64; declared > MaxInflatedBytes || f.UncompressedSize64 > MaxInflatedBytes {
			return nil, tooBig()
		}
		p.parts[key] = f
		p.order = append(p.order, key)
	}
	return p, nil
}

func tooBig() *Refusal {
	return refuse("workbook_too_big", "The workbook unpacks to more than 200 MiB. Copy the questions to a new workbook without pictures and upload that.")
}

// countSignatures counts directory entries without reading them: the zip package would first make them all.
func countSignatures(r io.ReaderAt, size int64) (int, error) {
	src := io.NewSectionReader(r, 0, size)
	buf := make([]byte, 64<<10)
	n, keep := 0, 0
	for {
		m, err := io.ReadFull(src, buf[keep:])
		b := buf[:keep+m]
		n += bytes.Count(b, []byte("PK\x01\x02"))
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		keep = copy(buf, b[len(b)-3:])
	}
}

// count is the counting pass over the parts that nobody reads. Those that are read are counted by budget while they are
// scanned, with the bounds on rows and strings besides.
func (p *pack) count(ctx context.Context, b *budget, read map[string]bool) error {
	for _, key := range p.order {
		if read[key] {
			continue
		}
		r, err := p.open(ctx, key, b)
		if err != nil {
			return err
		}
		head := make([]byte, 4)
		n, err := io.ReadFull(r, head)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return partError(key, err)
		}
		if bytes.HasPrefix(head[:n], []byte("PK\x03\x04")) && !strings.Contains(key, "embeddings/") {
			return refuse("nested_archive", "The workbook holds another zip file inside. Copy the questions to a new workbook and upload that.")
		}
	}
	return nil
}

// budget is what may still be unpacked, over all parts of a pass.
type budget struct{ left int64 }

// open starts to unpack one part.
func (p *pack) open(ctx context.Context, key string, b *budget) (io.Reader, error) {
	f := p.parts[key]
	if f == nil {
		return nil, damagedXLSX(key, errors.New("no such part"))
	}
	r, err := f.Open()
	if err != nil {
		return nil, damagedXLSX(f.Name, err)
	}
	return &partReader{ctx: ctx, r: r, budget: b}, nil
}

// partReader counts what is unpacked: sizes in the zip's directory are only what its maker says.
type partReader struct {
	ctx    context.Context
	r      io.ReadCloser
	budget *budget
}

func (p *partReader) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	if p.budget.left -= int64(n); p.budget.left < 0 {
		return 0, errInflated
	}
	return n, err
}

// partError turns what went wrong inside a part into words. A *Refusal and a cancelled context pass.
func partError(key string, err error) error {
	var ref *Refusal
	switch {
	case errors.As(err, &ref), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errInflated):
		return tooBig()
	}
	return damagedXLSX(key, err)
}

// relation is one line of a .rels part.
type relation struct{ kind, target string }

// relations reads the relationships of a part; the part "" is the package. A missing .rels part is an empty answer.
func (p *pack) relations(ctx context.Context, b *budget, of string) (map[string]relation, error) {
	dir, base := path.Split(of)
	key := dir + "_rels/" + base + ".rels"
	out := map[string]relation{}
	if p.parts[key] == nil {
		return out, nil
	}
	x, err := p.scan(ctx, key, b)
	if err != nil {
		return nil, err
	}
	for len(out) < maxEntries {
		k, err := x.next()
		if err != nil {
			return nil, partError(key, err)
		}
		if k == tokenEnd {
			return out, nil
		}
		if k != tokenOpen || string(x.name) != "Relationship" || x.attr("TargetMode") == "External" {
			continue
		}
		target := strings.ToLower(strings.ReplaceAll(x.attr("Target"), `\`, "/"))
		if !strings.HasPrefix(target, "/") {
			target = "/" + dir + target
		}
		out[x.attr("Id")] = relation{kind: path.Base(x.attr("Type")), target: strings.TrimPrefix(path.Clean(target), "/")}
	}
	return nil, damagedXLSX(key, fmt.Errorf("more than %d relationships", maxEntries))
}

func (p *pack) scan(ctx context.Context, key string, b *budget) (*xmlScanner, error) {
	r, err := p.open(ctx, key, b)
	if err != nil {
		return nil, err
	}
	x, err := newXMLScanner(r)
	if err != nil {
		return nil, partError(key, err)
	}
	return x, nil
}
