package rpc

import (
	"time"

	"cloudsql/storage/spawn"
)

// workers runs tasks in goroutines that are kept for a while, with the stacks that they have grown.
type workers struct {
	tasks chan func()
	stop  chan struct{}
}

const workerIdle = 10 * time.Second

func newWorkers() *workers {
	return &workers{tasks: make(chan func()), stop: make(chan struct{})}
}

func (w *workers) run(task func()) {
	select {
	case w.tasks <- task:
	default:
		spawn.Go("serving a node's calls", func() { w.work(task) })
	}
}

func (w *workers) work(task func()) {
	timer := time.NewTimer(workerIdle)
	defer timer.Stop()
	for {
		task()
		timer.Reset(workerIdle)
		select {
		case task = <-w.tasks:
		case <-timer.C:
			return
		case <-w.stop:
			return
		}
	}
}

func (w *workers) close() { close(w.stop) }
