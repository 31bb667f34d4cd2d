package cni

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/cni/internal/netdump"
)

// laterMetric is added to the metric of default routes for each network after the first: a
// container reaches the outside through its first network that has a default route.
const laterMetric = 100

// addKeepingRoutes runs the ADD of a container's second or later network. It removes the default
// routes of the earlier networks for the time of the ADD, because plugins fail if such routes
// exist, or merge theirs into a multipath route. Afterwards it restores them, and gives the routes
// that the ADD made a higher metric.
func addKeepingRoutes(path string, index int, add func() error) error {
	if index == 0 {
		return add()
	}
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	earlier, err := removeDefaultRoutes(h)
	if err != nil {
		return err
	}
	if err := add(); err != nil || len(earlier) == 0 {
		return errors.Join(err, restoreRoutes(h, earlier, 0))
	}
	later, err := removeDefaultRoutes(h)
	return errors.Join(err, restoreRoutes(h, earlier, 0), restoreRoutes(h, later, laterMetric*index))
}

// removeDefaultRoutes removes the default routes and returns them. It leaves those of router
// advertisements, which the kernel makes.
func removeDefaultRoutes(h *netlink.Handle) ([]netlink.Route, error) {
	all, err := netdump.Uninterrupted(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list the container's routes: %w", err)
	}
	var taken []netlink.Route
	for _, r := range all {
		if !isDefault(r) || r.Protocol == unix.RTPROT_RA {
			continue
		}
		if err := h.RouteDel(&r); err != nil {
			return taken, fmt.Errorf("remove the default route %v for the time of an ADD: %w", r, err)
		}
		taken = append(taken, r)
	}
	return taken, nil
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, bits := r.Dst.Mask.Size()
	return ones == 0 && bits > 0 && r.Dst.IP.IsUnspecified()
}

func restoreRoutes(h *netlink.Handle, routes []netlink.Route, metric int) error {
	var errs []error
	for _, r := range routes {
		r.Priority += metric
		if err := h.RouteAdd(&r); err != nil {
			errs = append(errs, fmt.Errorf("set the default route %v: %w", r, err))
		}
	}
	return errors.Join(errs...)
}
