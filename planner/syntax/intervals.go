package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// INTERVAL (a + 1) DAY. The parser takes a parenthesis behind INTERVAL for the function of that name, and DAY for an alias; a sign
// between the two, which changes nothing, tells it better.

// intervalSign is the sign, with a comment that tells it from one that was written (WrittenText).
const intervalSign = "/**/+"

// WrittenText is a part of a parsed text as it was written.
func WrittenText(text string) string {
	return writtenTypes(writtenIntroducers(writtenJSONValues(writtenJSONTables(strings.ReplaceAll(text, intervalSign, "")))))
}

// units are the words that end an interval.
var units = map[string]bool{
	"microsecond": true, "second": true, "minute": true, "hour": true, "day": true, "week": true, "month": true, "quarter": true, "year": true,
	"second_microsecond": true, "minute_microsecond": true, "minute_second": true, "hour_microsecond": true, "hour_second": true,
	"hour_minute": true, "day_microsecond": true, "day_second": true, "day_minute": true, "day_hour": true, "year_month": true,
}

// signIntervals puts a sign before the parenthesis of each INTERVAL (…) unit.
func signIntervals(text string, mode mysql.SQLMode) string {
	if !mentions(text, "interval") {
		return text
	}
	s := newScanner(text, mode)
	var found []int // parentheses behind INTERVAL
	var open []int  // indexes in found, -1 for other parentheses
	before := ""
	intervals := map[int]bool{} // of found: an interval, no function
	function := map[int]bool{}  // of found: there is a comma within
	for i := s.space(0); i < len(text); {
		end := s.token(i)
		next := s.space(end)
		switch text[i] {
		case '(':
			at := -1
			if strings.EqualFold(before, "interval") {
				at = len(found)
				found = append(found, i)
			}
			open = append(open, at)
		case ',':
			if len(open) > 0 && open[len(open)-1] >= 0 {
				function[open[len(open)-1]] = true
			}
		case ')':
			if len(open) == 0 {
				break
			}
			at := open[len(open)-1]
			open = open[:len(open)-1]
			if at >= 0 && !function[at] && next < len(text) && units[strings.ToLower(text[next:s.token(next)])] {
				intervals[at] = true
			}
		}
		before, i = text[i:end], next
	}
	for k, at := range found {
		if intervals[k] {
			s.replace(at, at, intervalSign)
		}
	}
	return s.changed()
}

// mentions tells whether a text has one of some words, in any case, somewhere.
func mentions(text string, words ...string) bool {
	var begins [256]bool // most bytes of a long text begin none of the words
	for _, word := range words {
		begins[word[0]], begins[word[0]&^0x20] = true, true
	}
	for i := range len(text) {
		if !begins[text[i]] {
			continue
		}
		for _, word := range words {
			if mentionsAt(text, i, word) {
				return true
			}
		}
	}
	return false
}

// mentionsAt tells whether a text has a word, in any case, at i.
func mentionsAt(text string, i int, word string) bool {
	return i+len(word) <= len(text) && strings.EqualFold(text[i:i+len(word)], word)
}
