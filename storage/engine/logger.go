package engine

import (
	"fmt"
	"log/slog"
	"os"
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

func listener(log *slog.Logger) *pebble.EventListener {
	log = log.With("component", "engine")
	l := pebble.EventListener{
		BackgroundError: func(err error) { log.Error("background work failed", "error", err) },
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			log.Error("damaged data", "path", i.Path, "details", i.Details)
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
