package spawn

import (
	"errors"
	"io/fs"
	"testing"
)

func TestGoEndsAlone(t *testing.T) {
	before := Panics()["test go"]
	var g Group
	reached := make(chan struct{})
	g.Go("test go", func() {
		defer close(reached)
		var none []int
		_ = none[len(Panics())]
	})
	g.Wait()
	<-reached
	if n := Panics()["test go"] - before; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

func TestDoTellsWhoWaits(t *testing.T) {
	err := Do("test do", func() error { panic(fs.ErrClosed) })
	var p *Panic
	if !errors.As(err, &p) || p.Part != "test do" || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := Do("test do", func() error { return fs.ErrExist }); !errors.Is(err, fs.ErrExist) || errors.As(err, &p) {
		t.Errorf("an error: %v", err)
	}
	if err := Do("test do", func() error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestKeepGoesOn(t *testing.T) {
	runs := 0
	Keep(nil, "test keep", func() {
		if runs++; runs < 3 {
			panic("again")
		}
	})
	if runs != 3 {
		t.Errorf("%d runs", runs)
	}
	stop := make(chan struct{})
	close(stop)
	runs = 0
	Keep(stop, "test keep", func() { runs++; panic("again") })
	if runs != 1 {
		t.Errorf("%d runs after the stop", runs)
	}
}

func BenchmarkGo(b *testing.B) {
	done := make(chan struct{})
	fn := func() { done <- struct{}{} }
	for b.Loop() {
		Go("bench", fn)
		<-done
	}
}
