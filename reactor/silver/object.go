package silver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"millrace/ingestor/bronze"
)

// object is one object being decoded.
type object struct {
	ctx     context.Context
	d       *Dataset
	src     Source
	payload Payload
	out     *batches
	row     *row
	// next is the position of the next row.
	next int64
	// latest time that a row may have.
	latest time.Time
	// standIn values, by input, for rows without one of their own: from the envelope, the metadata or the name.
	standIn [][]byte
	// around says of each column whether its stand-in is from the envelope.
	around []bool
	// brought and lacking say of each value that may stand outside of rows whether a row had it, and whether a row had none.
	brought, lacking []bool
	// nearly names, for each lacking value, the member of the first such row that is nearly it.
	nearly []string
	// envelopeRead: a pass over the whole object has already looked for the envelope's members.
	envelopeRead bool
	// shape is what the rows looked like, and inFile which columns a Parquet file has.
	shape  Shape
	inFile []bool
	// each, when not nil, takes the rows of a Parquet file in place of the definition.
	each func(row []byte) error
	// noRow is the first row that each was not given, because it would be refused.
	noRow *refusal
	// noData: the object that was to be an envelope has no data.
	noData bool
}

// Decode reads an object and sinks its rows. An error means that nothing of the object may be used, whatever was sunk
// before: an [*Unreadable] will be the same for ever, any other error comes from the payload, the sink or ctx.
func (d *Dataset) Decode(ctx context.Context, src Source, p Payload, s Sink) error {
	key, err := bronze.ParseKey(src.Key)
	if err != nil {
		return unreadable("its key %s says neither dataset nor format: %v", quote([]byte(src.Key)), err)
	}
	src.ModifiedAt = src.ModifiedAt.UTC().Truncate(time.Millisecond)
	if src.IngestDate.IsZero() {
		src.IngestDate = key.IngestDate
	}
	o := &object{
		ctx: ctx, d: d, src: src, payload: p, row: newRow(d),
		out:     newBatches(ctx, d, src, s),
		latest:  src.ModifiedAt.Add(slack),
		standIn: make([][]byte, len(d.inputs)), around: make([]bool, len(d.columns)),
		brought: make([]bool, len(d.inputs)), lacking: make([]bool, len(d.inputs)), nearly: make([]string, len(d.inputs)),
		shape: newShape(d), inFile: make([]bool, len(d.columns)),
	}
	defer o.out.release()
	if err := o.fromOutside(path.Base(key.Name)); err != nil {
		return err
	}
	if err := o.read(key.Ext); err != nil {
		var failed *ioError
		if errors.As(err, &failed) {
			return fmt.Errorf("read bronze object %s: %w", src.Key, failed.err)
		}
		return err
	}
	if err := o.nowhere(); err != nil {
		return err
	}
	if err := o.out.flush(); err != nil {
		return err
	}
	o.seen(s)
	return nil
}

func (o *object) read(ext string) error {
	switch ext {
	case bronze.JSON:
		return o.json(false)
	case bronze.JSONGzip:
		return o.json(true)
	case bronze.NDJSON:
		return o.ndjson(false)
	case bronze.NDJSONGzip:
		return o.ndjson(true)
	case bronze.Parquet:
		return o.parquet()
	}
	return unreadable("no format is known for the extension %s; known are json, json.gz, ndjson, ndjson.gz and parquet", quote([]byte(ext)))
}

// fromOutside takes stand-ins from the object's metadata, else from its name, else from its ingest date.
func (o *object) fromOutside(name string) error {
	var groups []string
	if o.d.NamePattern != nil {
		groups = o.d.NamePattern.FindStringSubmatch(name)
	}
	for i := range o.d.columns {
		f := &o.d.columns[i]
		var value, from string
		if f.Metadata != "" {
			value, from = o.src.Metadata[f.Metadata], "metadata "+f.Metadata
		}
		if value == "" && groups != nil && o.d.inName(f) {
			value, from = groups[o.d.NamePattern.SubexpIndex(f.Column)], "name"
		}
		if value == "" && f.IngestDate {
			value, from = o.src.day().String(), "ingest date"
		}
		if value == "" {
			continue
		}
		raw, ok := quoteJSON(value)
		reason := "is not valid UTF-8"
		if ok {
			reason = o.row.convert(i, raw, o.latest)
		}
		if reason != "" {
			return unreadable("its %s cannot be %s: %s", from, f.Column, reason)
		}
		o.standIn[i] = raw
	}
	return nil
}

// add reads one row from its text.
func (o *object) add(raw []byte) error {
	return o.addSplit(o.row.split(raw), raw)
}

// addSplit takes a row that was taken apart, or refused then.
func (o *object) addSplit(ref *refusal, raw []byte) error {
	if ref == nil {
		ref = o.convert()
	}
	if ref != nil {
		return o.refuse(ref, raw, int64(len(raw)))
	}
	if err := o.count(); err != nil {
		return err
	}
	return o.out.add(o.next-1, o.row.cells, o.row.rest())
}

// count takes the next row's position.
func (o *object) count() error {
	o.next++
	return o.src.Limits.rows(o.next)
}

// refuse takes a refused row; size is that of the whole text, of which raw may be the beginning only.
func (o *object) refuse(ref *refusal, raw []byte, size int64) error {
	o.shape.Refused++
	if err := o.count(); err != nil {
		return err
	}
	return o.out.reject(o.next-1, ref, raw, size)
}

// convert fills the row's cells; the first column that cannot be filled refuses the row.
func (o *object) convert() *refusal {
	r := o.row
	if o.shape.Read++; len(r.extra) > 0 {
		o.shape.knowsNot(r.extra)
	}
	for i, value := range r.values[:len(o.d.columns)] {
		if len(value) > 0 && value[0] != 'n' && !o.d.outside[i] {
			continue // it has a value of its own, as most have
		}
		lacks := isNull(value) && !o.alsoThere(i) && o.standIn[i] == nil
		if lacks {
			o.shape.lacks(i, value == nil)
		}
		if o.d.outside[i] {
			if lacks && !o.lacking[i] {
				o.nearly[i] = o.d.columns[i].near(r.extraNames)
			}
			o.lacking[i] = o.lacking[i] || lacks
			o.brought[i] = o.brought[i] || !lacks
		}
	}
	for i := range o.d.columns {
		f := &o.d.columns[i]
		raw := r.values[i]
		if isNull(raw) {
			if o.alsoThere(i) {
				continue
			}
			if o.standIn[i] != nil {
				raw = o.standIn[i]
			} else if f.Default != "" {
				raw = []byte(f.Default)
			}
		}
		reason := r.convert(i, raw, o.latest)
		switch {
		case reason == "":
		case f.lenient():
			r.original(f, raw)
		default:
			if raw == nil {
				reason += f.near(r.extraNames)
			}
			if isNull(raw) && f.Missing != "" {
				reason += ": " + f.Missing
			}
			return &refusal{field: f.From, reason: reason}
		}
	}
	return o.confirm()
}

// alsoThere says whether column i has a value in its second form.
func (o *object) alsoThere(i int) bool {
	also := o.d.inputs[i].also
	return also >= 0 && !isNull(o.row.values[also])
}

// confirm reads the second form of a time. Alone it is the value; beside the first form it must agree with it.
func (o *object) confirm() *refusal {
	r := o.row
	for i := range o.d.columns {
		if !o.alsoThere(i) {
			continue
		}
		also := o.d.inputs[i].also
		first := r.cells[i].whole
		reason := r.convert(i, r.values[also], o.latest)
		if reason == "" && !isNull(r.values[i]) && first != r.cells[i].whole {
			reason = fmt.Sprintf("%s is another moment than %s in %s",
				quote(bytes.Trim(r.values[also], `"`)), quote(bytes.Trim(r.values[i], `"`)), o.d.inputs[i].name)
		}
		if reason != "" {
			return &refusal{field: o.d.inputs[also].name, reason: reason}
		}
	}
	return nil
}

// nowhere refuses the object if every row lacks a value that stands outside neither: the object is at fault, and better
// metadata can make all of its rows good.
func (o *object) nowhere() error {
	var missing []string
	for i := range o.d.columns {
		if f := &o.d.columns[i]; o.lacking[i] && !o.brought[i] && f.Required && f.Default == "" {
			missing = append(missing, fmt.Sprintf("%s is nowhere%s: %s", f.From, o.nearly[i], cmp.Or(f.Missing, f.lookedAt())))
		}
	}
	if len(missing) > 0 {
		return unreadable("%s", strings.Join(missing, "; "))
	}
	return nil
}
