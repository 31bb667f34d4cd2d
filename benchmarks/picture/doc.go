// Package picture draws the results of benches: charts of ratios as SVG, and HTML pages that need no
// network. It creates nothing on disk or in the kernel.
package picture
