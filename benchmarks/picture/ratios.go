package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/mctr/mctr/benchmarks/compare"
)

var blue = color.RGBA{R: 0x1f, G: 0x5a, B: 0x8c, A: 0xff}

// A Row is one ratio of a chart.
type Row struct {
	Name string
	compare.Ratio
}

// Ratios draws ratios with their intervals as SVG, the first row on top. axis describes the ratios. The
// error is ErrNothing if there are no rows.
func Ratios(title, axis string, rows []Row) ([]byte, error) {
	if len(rows) == 0 {
		return nil, ErrNothing
	}
	p := plot.New()
	p.Title.Text = title
	p.X.Min = 0
	p.X.Label.Text = axis
	var names []string
	points := &intervals{}
	for i := range rows {
		q := rows[len(rows)-1-i]
		points.XYs = append(points.XYs, plotter.XY{X: q.Mid, Y: float64(len(names))})
		points.XErrors = append(points.XErrors, struct{ Low, High float64 }{q.Mid - q.Low, q.High - q.Mid})
		names = append(names, q.Name+"  ")
	}
	if err := points.add(p); err != nil {
		return nil, err
	}
	p.NominalY(names...)
	p.Title.TextStyle.Font, p.Title.Padding = sans(11), 8
	p.X.Label.TextStyle.Font, p.X.Tick.Label.Font, p.Y.Tick.Label.Font = sans(9), sans(9), sans(10)
	p.Y.LineStyle.Width = 0
	return svg(p)
}

// ErrNothing is the error of a chart without rows.
var ErrNothing = errors.New("no case has a complete slot, so there is nothing to draw")

// intervals are points with error bars in plotter's form.
type intervals struct {
	plotter.XYs
	plotter.XErrors
}

func (v *intervals) add(p *plot.Plot) error {
	dots, err := plotter.NewScatter(v.XYs)
	if err != nil {
		return err
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: blue, Radius: 4, Shape: draw.CircleGlyph{}}
	bars, err := plotter.NewXErrorBars(v)
	if err != nil {
		return err
	}
	bars.Color, bars.Width = blue, 1.5
	labels := plotter.XYLabels{XYs: v.XYs}
	for _, at := range v.XYs {
		labels.Labels = append(labels.Labels, fmt.Sprintf("%.2f", at.X))
	}
	texts, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	texts.Offset = vg.Point{X: -10, Y: 6}
	for i := range texts.TextStyle {
		texts.TextStyle[i].Font = sans(9)
	}
	p.Add(plotter.NewGrid(), bars, dots, texts)
	return nil
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func svg(p *plot.Plot) ([]byte, error) {
	canvas := vgsvg.New(23*vg.Centimeter, 9*vg.Centimeter)
	p.Draw(draw.Crop(draw.New(canvas), 12, -12, 0, -6)) // margins, because a viewer's font may be wider
	var out bytes.Buffer
	_, err := canvas.WriteTo(&out)
	return out.Bytes(), err
}
