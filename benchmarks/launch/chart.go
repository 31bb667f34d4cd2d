package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

var (
	dark  = color.RGBA{R: 0x1f, G: 0x5a, B: 0x8c, A: 0xff}
	light = color.RGBA{R: 0xa9, G: 0xc8, B: 0xe2, A: 0xff}
)

// draw writes two bars for each contender: its median time and its processor time. The figures are
// multiples of runc's, because absolute times depend on the machine.
func draw(r *report, path string) error {
	base := r.contender(runc)
	if base.Wall.P50 == 0 {
		return fmt.Errorf("%s failed, and the chart is relative to it", runc)
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("/bin/true, start to end and clean-up, as multiples of %s (median of %d)", runc,
		r.Rounds)
	p.X.Min = 0
	p.X.Label.Text = "shorter is better; " + strings.Join(r.Host.Versions, ", ")
	var names []string
	var walls, cpus plotter.Values
	for i := range r.Contenders {
		c := r.Contenders[len(r.Contenders)-1-i] // the first on top
		name := c.Name
		if c.Wall.P50 == 0 {
			name += " (FAILED)"
		}
		names = append(names, name+"  ")
		walls, cpus = append(walls, c.Wall.P50/base.Wall.P50), append(cpus, c.CPU.P50/base.CPU.P50)
	}
	for _, s := range []struct {
		name   string
		values plotter.Values
		at     vg.Length
		color  color.Color
	}{{"time  ", walls, 6, dark}, {"processor time  ", cpus, -6, light}} {
		if err := bars(p, s.name, s.values, s.at, s.color); err != nil {
			return err
		}
	}
	p.NominalY(names...)
	p.Y.LineStyle.Width, p.X.Max = 0, p.X.Max*1.15
	p.X.Tick.Marker = plot.TickerFunc(halves)
	p.Legend.XOffs, p.Legend.YOffs, p.Legend.Padding = -10, 6, 4
	p.Title.TextStyle.Font, p.Title.Padding = sans(11), 8
	p.X.Label.TextStyle.Font, p.X.Tick.Label.Font = sans(9), sans(9)
	p.Y.Tick.Label.Font, p.Legend.TextStyle.Font = sans(10), sans(9)
	return save(p, path)
}

// save writes the chart with margins, because a viewer's font may be wider.
func save(p *plot.Plot, path string) error {
	canvas := vgsvg.New(23*vg.Centimeter, 8*vg.Centimeter)
	p.Draw(vgdraw.Crop(vgdraw.New(canvas), 12, -12, 0, -6))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// halves marks every half.
func halves(low, high float64) (ticks []plot.Tick) {
	for at := low; at <= high; at += 0.5 {
		ticks = append(ticks, plot.Tick{Value: at, Label: fmt.Sprintf("%.1f", at)})
	}
	return ticks
}

// bars adds one bar for each contender, followed by its value.
func bars(p *plot.Plot, name string, values plotter.Values, at vg.Length, fill color.Color) error {
	chart, err := plotter.NewBarChart(values, 10)
	if err != nil {
		return err
	}
	chart.Horizontal, chart.Offset, chart.Color, chart.LineStyle.Width = true, at, fill, 0
	p.Legend.Add(name, chart)
	text := plotter.XYLabels{}
	for i, v := range values {
		text.XYs = append(text.XYs, plotter.XY{X: v, Y: float64(i)})
		text.Labels = append(text.Labels, fmt.Sprintf("%.2f", v))
	}
	labels, err := plotter.NewLabels(text)
	if err != nil {
		return err
	}
	labels.Offset.X, labels.Offset.Y = 4, at-3
	for i := range labels.TextStyle {
		labels.TextStyle[i].Font = sans(9)
	}
	p.Add(chart, labels)
	return nil
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}
