package engine

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// logger carries Pebble's messages into the node's structured log. Its informational ones (every flush and compaction)
// are of use to those who debug the store only.
type logger struct {
	log   *slog.Logger
	fatal func(message string)
}

func (l *logger) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l *logger) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf must not return: Pebble has lost its log and would acknowledge what it cannot keep.
func (l *logger) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.log.Error(message)
	if l.fatal != nil {
		l.fatal(message)
	}
	os.Exit(1)
}

// slowDisk is how long one operation may take before it is worth a line in the log.
const slowDisk = time.Second

func listener(o Options) *pebble.EventListener {
	log := o.Logger.With("component", "engine")
	background, damaged := &seldom{every: time.Second}, &seldom{every: time.Second}
	l := pebble.EventListener{
		BackgroundError: func(err error) {
			if background.now() { // it is repeated at once
				log.Error("background work failed, it will be repeated", "error", err)
			}
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			if damaged.now() {
				log.Error("damaged data", "path", i.Path, "details", i.Details.Error())
			}
			if o.OnDamage != nil {
				o.OnDamage(Damage{Path: i.Path, Start: i.Bounds.Start, End: i.Bounds.End.Key, Err: i.Details})
			}
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			if i.Duration >= slowDisk {
				log.Warn("slow disk", "operation", i.OpType.String(), "path", i.Path, "seconds", i.Duration.Seconds())
			}
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { log.Warn("writes wait for the store", "reason", i.Reason) },
		WriteStallEnd:   func() { log.Info("writes go on") },
	}
	return &l
}

// seldom lets one event through in a while.
type seldom struct {
	every time.Duration
	last  atomic.Int64
}

func (s *seldom) now() bool {
	now, last := time.Now().UnixNano(), s.last.Load()
	return now-last >= int64(s.every) && s.last.CompareAndSwap(last, now)
}
