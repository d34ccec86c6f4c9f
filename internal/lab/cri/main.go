// Cri makes a pod with one container through a real CRI endpoint, as the
// kubelet does, waits for a line on standard input, and removes the pod.
//
//	cri ENDPOINT IMAGE CGROUP-PARENT HOST-FOLDER MEMORY QUOTA COMMAND...
//
// The host's folder is mounted at the same path in the container. It prints
// "ready CONTAINER-ID POD-UID" once the container runs. "resize MEMORY QUOTA" on
// standard input changes the limits in place.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// podUID is the shape of those that Kubernetes makes.
const podUID = "0f9e2d1c-aaaa-bbbb-cccc-444455556666"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cri:", err)
		os.Exit(1)
	}
}

func run(arguments []string) (err error) {
	if len(arguments) < 7 {
		return errors.New("too few arguments")
	}
	endpoint, image, parent, folder := arguments[0], arguments[1], arguments[2], arguments[3]
	resources, err := limits(arguments[4], arguments[5])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	client := cri.NewRuntimeServiceClient(conn)
	logs := "/var/log/pods/lab_lab_" + podUID
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	namespaces := &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER}
	sandbox := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: "lab", Namespace: "lab", Uid: podUID},
		LogDirectory: logs,
		Labels:       map[string]string{"io.kubernetes.pod.name": "lab", "io.kubernetes.pod.namespace": "lab", "io.kubernetes.pod.uid": podUID},
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent:    parent,
			SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: namespaces},
		},
	}
	pod, err := client.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: sandbox})
	if err != nil {
		return err
	}
	defer func() {
		_, stopErr := client.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: pod.PodSandboxId})
		_, removeErr := client.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: pod.PodSandboxId})
		err = errors.Join(err, stopErr, removeErr)
	}()
	created, err := client.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: pod.PodSandboxId, SandboxConfig: sandbox,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "probe"},
			Image:    &cri.ImageSpec{Image: image},
			Command:  arguments[6:],
			LogPath:  "probe_0.log",
			Envs:     []*cri.KeyValue{{Key: "KUBERNETES_SERVICE_HOST", Value: "10.0.0.1"}, {Key: "KUBERNETES_SERVICE_PORT", Value: "443"}},
			Mounts:   []*cri.Mount{{HostPath: folder, ContainerPath: folder}},
			Linux: &cri.LinuxContainerConfig{
				Resources:       resources,
				SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: namespaces},
			},
		},
	})
	if err != nil {
		return err
	}
	if _, err := client.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: created.ContainerId}); err != nil {
		return err
	}
	fmt.Println("ready", created.ContainerId, podUID)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var memory, quota string
		if n, _ := fmt.Sscanf(lines.Text(), "resize %s %s", &memory, &quota); n != 2 {
			return nil // "exit"
		}
		resources, err := limits(memory, quota)
		if err != nil {
			return err
		}
		_, err = client.UpdateContainerResources(ctx, &cri.UpdateContainerResourcesRequest{ContainerId: created.ContainerId, Linux: resources})
		if err != nil {
			return err
		}
		fmt.Println("resized")
	}
	return nil
}

func limits(memory, quota string) (*cri.LinuxContainerResources, error) {
	bytes, err := strconv.ParseInt(memory, 10, 64)
	if err != nil {
		return nil, err
	}
	microseconds, err := strconv.ParseInt(quota, 10, 64)
	if err != nil {
		return nil, err
	}
	return &cri.LinuxContainerResources{MemoryLimitInBytes: bytes, CpuQuota: microseconds, CpuPeriod: 100_000, CpuShares: 512}, nil
}
