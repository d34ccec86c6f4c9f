//go:build linux

package guest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
`

// TestContainerd runs containers by ctr, and a pod as the kubelet makes it.
func TestContainerd(t *testing.T) {
	needDistribution(t)
	if err := os.WriteFile("/lab/containerd.toml", []byte(containerdConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	daemon(t, "labcontainerd", "ctr version", "containerd", "--config", "/lab/containerd.toml")
	version(t, "containerd --version | cut -d ' ' -f 1-3")
	shell(t, "podman import -q "+archive(t)+" docker.io/library/lab:1 && podman import -q --change 'ENTRYPOINT [\"/probe\",\"-pause\"]' "+archive(t)+" docker.io/library/pause:1")
	for _, name := range []string{"lab", "pause"} {
		saved := "/lab/saved-" + name + ".tar"
		shell(t, "rm -f "+saved+"; podman save -q --format docker-archive -o "+saved+" docker.io/library/"+name+":1")
		for _, namespace := range []string{"default", "k8s.io"} {
			shell(t, "ctr -n "+namespace+" images import "+saved)
		}
	}
	examine(t, []contained{
		{
			name: "ctr",
			start: func(t *testing.T) (*client, error) {
				return start(t, "ctr", "run", "--rm", "--memory-limit", fmt.Sprint(memoryLimit), "docker.io/library/lab:1", "labctr", "/probe")
			},
		},
		kubernetesPod(),
	})
}

// kubernetesPod is a pod in the cgroups that the kubelet would give it.
func kubernetesPod() contained {
	const (
		folder = "/lab/pod"
		parent = "kubepods-burstable-pod0f9e2d1c_aaaa_bbbb_cccc_444455556666.slice"
	)
	var id string
	var commands io.Writer
	var answers *bufio.Reader
	return contained{
		name: "containerd CRI pod", runtime: "containerd", orchestrator: "kubernetes",
		start: func(t *testing.T) (*client, error) {
			makePipes(t, folder)
			cmd := exec.Command("/lab/cri", "unix:///run/containerd/containerd.sock", "docker.io/library/lab:1", parent, folder,
				fmt.Sprint(memoryLimit), fmt.Sprintf("%.0f", cpuLimit*100_000), "/probe", "-in", folder+"/in", "-out", folder+"/out")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				return nil, err
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				return nil, err
			}
			if err := cmd.Start(); err != nil {
				return nil, err
			}
			t.Cleanup(func() {
				_, _ = io.WriteString(in, "exit\n") // it may have ended
				_ = cmd.Wait()
			})
			commands, answers = in, bufio.NewReader(out)
			line, err := answers.ReadString('\n')
			fields := strings.Fields(line)
			if err != nil || len(fields) != 3 {
				_ = in.Close()
				_ = cmd.Wait()
				return nil, fmt.Errorf("cri: %v: %s %s %s", err, line, stderr.String(), shell(t, "journalctl -u labcontainerd --no-pager -o cat | tail -8"))
			}
			id = fields[1]
			return start(t, "/bin/sh", "-c", "cat "+folder+"/out & cat >"+folder+"/in; wait")
		},
		inspect: func(t *testing.T) (memory, cores float64) {
			text := shell(t, "ctr -n k8s.io containers info "+id)
			var info struct {
				Spec struct {
					Linux struct {
						Resources struct {
							Memory struct{ Limit float64 }
							CPU    struct{ Quota, Period float64 }
						}
					}
				}
			}
			if err := json.Unmarshal([]byte(text), &info); err != nil {
				t.Fatal(err)
			}
			r := info.Spec.Linux.Resources
			return r.Memory.Limit, r.CPU.Quota / r.CPU.Period
		},
		resize: func(t *testing.T, memory int, cores float64) {
			t.Helper()
			if _, err := fmt.Fprintf(commands, "resize %d %.0f\n", memory, cores*100_000); err != nil {
				t.Fatal(err)
			}
			if line, err := answers.ReadString('\n'); err != nil || line != "resized\n" {
				t.Fatalf("cri: %v %s", err, line)
			}
		},
	}
}
