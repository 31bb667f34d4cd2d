// Command recover measures how an agent that starts takes over running
// containers: containerizer.Recover, which finds out what state each is in and
// connects to its supervisor, against Load of runc's libcontainer, which only
// reads the state that it wrote of each. They take turns, in a new order each
// round, over the same containers: real ones, asleep.
//
// On disk: temporary directories. In the kernel: the containers. Nothing is left
// behind.
package main
