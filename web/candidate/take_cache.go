package candidate

import (
	"container/list"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
)

// Bounds of the kept sheets. One is always kept, however large.
const (
	maxSheets     = 256
	maxSheetBytes = 32 << 20
)

type sheetKey struct {
	version uuid.UUID
	locale  string
}

// sheets keeps the sheets used last. Versions never change, so nothing is ever taken back.
type sheets struct {
	flight singleflight.Group

	mu    sync.Mutex
	byKey map[sheetKey]*list.Element // of *keptSheet
	used  *list.List                 // newest first
	bytes int
}

type keptSheet struct {
	key   sheetKey
	sheet *sheet
}

func newSheets() *sheets { return &sheets{byKey: map[sheetKey]*list.Element{}, used: list.New()} }

// get gives a sheet, made by make when it is not kept. Many who miss at once make it once.
func (s *sheets) get(key sheetKey, make func() (*sheet, error)) (*sheet, error) {
	if found := s.find(key); found != nil {
		return found, nil
	}
	made, err, _ := s.flight.Do(key.version.String()+key.locale, func() (any, error) {
		if found := s.find(key); found != nil {
			return found, nil
		}
		fresh, err := make()
		if err != nil {
			return nil, err
		}
		s.keep(key, fresh)
		return fresh, nil
	})
	if err != nil {
		return nil, err
	}
	return made.(*sheet), nil
}

func (s *sheets) find(key sheetKey) *sheet {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.byKey[key]
	if !found {
		return nil
	}
	s.used.MoveToFront(e)
	return e.Value.(*keptSheet).sheet
}

func (s *sheets) keep(key sheetKey, fresh *sheet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey[key] = s.used.PushFront(&keptSheet{key, fresh})
	s.bytes += fresh.size
	for s.used.Len() > 1 && (s.used.Len() > maxSheets || s.bytes > maxSheetBytes) {
		oldest := s.used.Remove(s.used.Back()).(*keptSheet)
		delete(s.byKey, oldest.key)
		s.bytes -= oldest.sheet.size
	}
}
