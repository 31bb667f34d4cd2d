// Command recover measures how an agent that starts takes over running containers. It compares
// containerizer.Recover, which finds out the state of each container and connects to its
// supervisor, with Load of runc's libcontainer, which only reads the state that it has written. The
// two take turns in a new order in each round, over the same real, sleeping containers.
//
// On disk: temporary directories. In the kernel: the containers. Nothing is left behind.
package main
