package rest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"credlane/app/kit/fault"
)

// Form is a multipart/form-data body: T's fields carry `form:"name"` tags (string, bool, int or *of these; `doc`, `maxBytes` and
// `enum` work), and one of type File is the upload. In I it is a field named Form.
type Form[T any] struct{ Value T }

// File is an uploaded file, spooled to disk and removed when the handler returns: nothing may keep it.
type File struct {
	Name   string // the last element of the client's name; may be ""
	Size   int64  // bytes
	SHA256 [32]byte
	io.ReaderAt
}

// Reader reads the file from its start.
func (f File) Reader() *io.SectionReader { return io.NewSectionReader(f.ReaderAt, 0, f.Size) }

const (
	maxFormField = 64 << 10
	maxFormParts = 64
	uploadChunk  = 64 << 10
	maxFileName  = 255
)

// formSpec is what Handle knows of a Form.
type formSpec struct {
	index  []int // of the Form in I
	value  reflect.Type
	fields map[string]formField
	file   string // the name of the part with the file
	fileAt []int
}

type formField struct {
	index []int
	max   int64
	enum  []string
	doc   string
}

var fileType = reflect.TypeFor[File]()

// formOf finds the Form in an input type; nil when there is none.
func formOf(in reflect.Type) *formSpec {
	f, ok := in.FieldByName("Form")
	if !ok || !strings.HasPrefix(f.Type.Name(), "Form[") || f.Type.PkgPath() != thisPackage {
		return nil
	}
	value, _ := f.Type.FieldByName("Value")
	spec := &formSpec{index: append(f.Index, value.Index...), value: value.Type, fields: map[string]formField{}}
	for _, field := range reflect.VisibleFields(value.Type) {
		name := field.Tag.Get("form")
		switch {
		case field.Type == fileType:
			spec.file, spec.fileAt = orDefault(name, "file"), field.Index
		case name != "":
			max := int64(maxFormField)
			if v := field.Tag.Get("maxBytes"); v != "" {
				n, err := strconv.ParseInt(v, 10, 64)
				if err != nil {
					panic(fmt.Sprintf("rest: maxBytes of form field %s: %v", name, err))
				}
				max = n
			}
			var enum []string
			if v := field.Tag.Get("enum"); v != "" {
				enum = strings.Split(v, ",")
			}
			spec.fields[name] = formField{index: field.Index, max: max, enum: enum, doc: field.Tag.Get("doc")}
		}
	}
	if spec.file == "" {
		panic("rest: a form without a File: take JSON instead")
	}
	return spec
}

// upload is one form being read.
type upload struct {
	spec    *formSpec
	into    reflect.Value
	seen    map[string]bool
	hash    hash.Hash // of what the client said, for its Idempotency-Key
	wrong   []fault.Field
	spooled *os.File
}

// readForm fills the Form in an input value. The caller calls done when the handler has returned.
func (h *Host) readForm(k *call, spec *formSpec, in reflect.Value) (done func(), err error) {
	if h.uploads.Add(1) > int64(h.opt.MaxUploads) {
		h.uploads.Add(-1)
		return nil, ErrOverloaded
	}
	u := &upload{spec: spec, into: in.FieldByIndex(spec.index), seen: map[string]bool{}, hash: sha256.New()}
	done = func() {
		u.remove()
		h.uploads.Add(-1)
	}
	if err := u.read(h, k); err != nil {
		done()
		return nil, errors.Join(err, k.answerIn(answerTime))
	}
	k.workAnew()
	return done, nil
}

func (u *upload) remove() {
	if u.spooled == nil {
		return
	}
	// Removed when it was made (see spool); closing gives the space back.
	_ = u.spooled.Close()
	u.spooled = nil
}

func (u *upload) read(h *Host, k *call) error {
	media, params, err := mime.ParseMediaType(k.request.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return ErrUnsupportedMedia.WithMessage("Send the form as multipart/form-data.")
	}
	if coded(k.request) {
		return ErrUnsupportedMedia.WithMessage("Send the form as it is, without a Content-Encoding.")
	}
	body := io.Reader(http.NoBody)
	if k.request.Body != nil {
		body = &patient{r: k.request.Body, patience: h.opt.BodyTimeout, deadline: k.readDeadline}
	}
	fmt.Fprintf(u.hash, "%s\n%s\n", k.request.URL.Path, k.request.URL.RawQuery)
	// The library takes a body that ends in a part's header for one that ends with its last part, so the end is made an error,
	// behind the line break that the closing boundary may lack.
	parts := multipart.NewReader(io.MultiReader(body, strings.NewReader("\r\n"), cutOff{}), params["boundary"])
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one means that the closing boundary is missing
			break
		}
		if err != nil {
			return formError(err)
		}
		if n == maxFormParts {
			return ErrMalformedForm
		}
		if err := u.part(h, part); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, body); err != nil { // what comes after the last boundary means nothing
		return formError(err)
	}
	if err := k.bodyRead(); err != nil {
		return err
	}
	if u.spooled == nil {
		u.wrong = append(u.wrong, fault.Field{Location: "form." + u.spec.file, Message: "Send the file in this part."})
	}
	if u.wrong != nil {
		sortFields(u.wrong)
		return ErrInvalid.WithFields(u.wrong...)
	}
	if k.idempotencyKey != "" {
		k.requestHash = u.hash.Sum(nil)
	}
	return nil
}

// cutOff is where a form ends that was not closed.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// part takes one part: a field, or the file, which must be the last.
func (u *upload) part(h *Host, part *multipart.Part) error {
	name := part.FormName()
	at := "form." + clip(strings.ToValidUTF8(name, "�"), 100)
	if u.seen[name] {
		return ErrMalformedForm.WithFields(fault.Field{Location: at, Message: "This field stands twice. Send it once."})
	}
	u.seen[name] = true
	if name == u.spec.file {
		return u.spool(h, part)
	}
	field, ok := u.spec.fields[name]
	if !ok {
		return ErrMalformedForm.WithFields(fault.Field{Location: at, Message: "This field is not known here. Remove it or check its spelling."})
	}
	if u.spooled != nil {
		return ErrMalformedForm.WithFields(fault.Field{Location: at, Message: "Send this field before the file."})
	}
	text, err := io.ReadAll(io.LimitReader(part, field.max+1))
	if err != nil {
		return formError(err)
	}
	fmt.Fprintf(u.hash, "%s\n%d\n%s\n", name, len(text), text)
	if int64(len(text)) > field.max {
		u.wrong = append(u.wrong, fault.Field{Location: at, Message: fmt.Sprintf("Use at most %d bytes.", field.max)})
		_, err := io.Copy(io.Discard, part)
		return wrapForm(err)
	}
	if !sane(string(text)) {
		return ErrInvalidText.WithFields(fault.Field{Location: at, Message: "The value is not valid UTF-8 or has a NUL."})
	}
	if reason := setField(u.into.FieldByIndex(field.index), string(text), field.enum); reason != "" {
		u.wrong = append(u.wrong, fault.Field{Location: at, Message: reason})
	}
	return nil
}

// setField parses one value; the reason is "" when it fits.
func setField(v reflect.Value, text string, enum []string) string {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if enum != nil && text != "" && !contains(enum, text) {
		return "Use one of " + strings.Join(enum, ", ") + "."
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "1", "on":
			v.SetBool(true)
		case "false", "0", "":
			v.SetBool(false)
		default:
			return "Use true or false."
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return "Use a whole number."
		}
		v.SetInt(n)
	default:
		panic("rest: a form field of kind " + v.Kind().String())
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// spool writes the file to disk. Its name is gone from the directory at once, so that nothing is left behind whatever happens.
func (u *upload) spool(h *Host, part *multipart.Part) error {
	f, err := os.CreateTemp(h.opt.TempDir, "credlane-upload-*")
	if err != nil {
		return fmt.Errorf("spool an upload: %w", err)
	}
	u.spooled = f
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("spool an upload: %w", err)
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), part)
	if err != nil {
		return formError(err)
	}
	file := File{Name: fileName(part), Size: size, ReaderAt: f}
	sum.Sum(file.SHA256[:0])
	fmt.Fprintf(u.hash, "%s\n%x\n", file.Name, file.SHA256)
	u.into.FieldByIndex(u.spec.fileAt).Set(reflect.ValueOf(file))
	return nil
}

// fileName is the last element of the client's name for the file, whichever slashes its system has.
func fileName(part *multipart.Part) string {
	name := strings.ReplaceAll(part.FileName(), `\`, "/")
	name = path.Base("/" + strings.ToValidUTF8(name, "�"))
	if name == "/" || strings.IndexByte(name, 0) >= 0 {
		return ""
	}
	return clip(name, maxFileName)
}

func wrapForm(err error) error {
	if err != nil {
		return formError(err)
	}
	return nil
}

// formError words a form that cannot be read.
func formError(err error) error { return arrivalError(err, ErrMalformedForm) }

// patient moves the read deadline on while data comes: a slow line may upload, a dripping one may not.
type patient struct {
	r        io.Reader
	patience time.Duration
	deadline func(time.Time) error
	got      int
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.got += n; p.got >= uploadChunk && p.deadline != nil {
		p.got = 0
		if err := supported(p.deadline(time.Now().Add(p.patience))); err != nil {
			return n, fmt.Errorf("upload deadline: %w", err)
		}
	}
	return n, err
}
