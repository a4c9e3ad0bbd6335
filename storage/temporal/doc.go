// Package temporal knows MySQL's dates and times: packed and taken apart, read from text and numbers, rounded and shown, and the
// calendar that they are in. It knows no values and no types.
//
// # Forms
//
// A date and time is an integer that orders as it does, zero months and days included (Pack); a Civil is the same taken apart.
// A date has a zero time. A TIMESTAMP is microseconds since the Unix epoch; a TIME is signed microseconds.
//
// # Invariants
//
//   - What ParseDatetime and DatetimeFromNumber find is Valid once it is packed and rounded (Round), or they say that there is none;
//     but an offset (+14:00) may have carried it out of the years that there are.
//   - What is read depends on the text or number and on Rules alone, never on a clock or on the host's time zones.
package temporal
