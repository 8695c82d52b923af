//go:build !linux

package main

import "time"

// pace sends the time of each request when it is due, evenly spaced.
func pace(rate, total int, due chan<- time.Time, quit func() bool) {
	began := time.Now()
	for n := 0; n < total && !quit(); n++ {
		at := began.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
		time.Sleep(time.Until(at))
		due <- at
	}
}
