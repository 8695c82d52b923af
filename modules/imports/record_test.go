package imports

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
)

// TestARecordReadsBackAsTheQuestion fills every field that a question has, so a new one cannot be forgotten.
func TestARecordReadsBackAsTheQuestion(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(1))
	for range 500 {
		v, ok := quick.Value(reflect.TypeFor[Question](), random)
		if !ok {
			t.Fatal("a question has a field that cannot be filled")
		}
		q := v.Interface().(Question)
		if len(q.Options) == 0 {
			q.Options = nil
		}
		for _, list := range []*[]string{&q.Accepted, &q.Tags} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		record := string(appendRecord(nil, &q))
		got, err := readRecord(record)
		if err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("%+v became %+v: %v", q, got, err)
		}
		for _, broken := range []string{record[:random.Intn(len(record))], record + "x", strings.Repeat("\xff", len(record))} {
			if got, err := readRecord(broken); err == nil {
				t.Fatalf("a broken record of %+v became %+v", q, got)
			}
		}
	}
}

func TestASpoolGivesItsQuestionsAgainAndAgain(t *testing.T) {
	t.Parallel()
	s, err := newSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	const n = 300
	long := strings.Repeat("題", 20_000)
	for i := range n {
		q := &Question{Row: i + 1, Prompt: long[:3*(i*66)], Points: 1000}
		if err := s.add(q); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		rows := 0
		for q, err := range s.questions() {
			if rows++; err != nil || q.Row != rows || q.Prompt != long[:3*(rows-1)*66] {
				t.Fatalf("row %d: %v, %d bytes, %v", rows, q.Row, len(q.Prompt), err)
			}
		}
		if rows != n {
			t.Fatalf("%d rows", rows)
		}
	}
}
