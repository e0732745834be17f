package drift

import (
	"math"
	"slices"

	"millrace/reactor/silver"
)

const (
	// nullShare and refusedShare of an object's rows make it stand out.
	nullShare, refusedShare = .5, .1
	// usualNulls is the largest share of nulls of a column that is hardly ever null.
	usualNulls = .05
	// refusedTimes is how many times the usual share of refused rows stands out.
	refusedTimes = 5
	// chance is how improbable what was seen must be if nothing had changed.
	chance = 1e-6
)

// lost tells whether no row of an object has a column's field.
func lost(s silver.Shape, column int) bool { return s.Read > 0 && s.Absent[column] == s.Read }

func mostlyNull(s silver.Shape, column int) bool { return share(s.Nulls[column], s.Read) >= nullShare }

func refusing(s silver.Shape) bool { return share(s.Refused, s.Rows) >= refusedShare }

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// look is how objects are looked at for one finding.
type look struct {
	finding Finding
	odd     func(silver.Shape) bool               // an object that stands out
	count   func(silver.Shape) (hits, rows int64) // rows that make it do so
	usual   float64                               // the largest share of hits that the objects before may have
}

// looks are those for which an object stands out.
func looks(s silver.Shape, names [][]string) []look {
	var all []look
	for i := range names {
		switch {
		case lost(s, i):
			all = append(all, look{
				finding: Finding{What: Gone, Of: s.Kind, Field: names[i][0]},
				odd:     func(s silver.Shape) bool { return lost(s, i) },
				count:   func(s silver.Shape) (int64, int64) { return s.Absent[i], s.Read },
				usual:   1, // optional fields are absent from many rows; the chance says whether from all of them
			})
		case mostlyNull(s, i):
			all = append(all, look{
				finding: Finding{What: Nulls, Of: s.Kind, Field: names[i][0]},
				odd:     func(s silver.Shape) bool { return mostlyNull(s, i) },
				count:   func(s silver.Shape) (int64, int64) { return s.Nulls[i], s.Read },
				usual:   usualNulls,
			})
		}
	}
	if refusing(s) {
		all = append(all, look{
			finding: Finding{What: Refused, Of: s.Kind},
			odd:     refusing,
			count:   func(s silver.Shape) (int64, int64) { return s.Refused, s.Rows },
			usual:   share(s.Refused, s.Rows) / refusedTimes,
		})
	}
	return all
}

// run splits objects at the last ones that stand out. ok tells whether they differ from those before beyond chance. A field that
// another object before them lacked as a whole is one that objects may lack, unless that was a finding itself.
func (l look) run(objects []remembered) (begin int, ok bool) {
	begin = len(objects)
	var hits, rows, usual, before int64
	for begin > 0 && l.odd(objects[begin-1].Shape) {
		begin--
		h, n := l.count(objects[begin].Shape)
		hits, rows = hits+h, rows+n
	}
	for _, o := range objects[:begin] {
		switch {
		case !l.odd(o.Shape):
			h, n := l.count(o.Shape)
			usual, before = usual+h, before+n
		case !slices.ContainsFunc(o.shows, l.finding.same):
			return begin, false
		}
	}
	return begin, before > 0 && share(usual, before) <= l.usual && improbable(hits, rows, usual, before)
}

// improbable tells whether so many hits of so many rows are beyond chance, if before is what is usual. It is Chernoff's bound of a
// binomial's tail; the usual share is by Laplace's rule, because none of 20 rows does not mean never.
func improbable(hits, rows, usual, before int64) bool {
	is, was := share(hits, rows), float64(usual+1)/float64(before+2)
	if is <= was {
		return false
	}
	distance := is * math.Log(is/was)
	if is < 1 {
		distance += (1 - is) * math.Log((1-is)/(1-was))
	}
	return float64(rows)*distance > -math.Log(chance)
}
