//go:build linux

package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needDistribution skips where there is neither systemd nor a runtime.
func needDistribution(t *testing.T) {
	t.Helper()
	inside(t)
	if !distribution() {
		t.Skip("this machine has no distribution")
	}
}

// image makes the root file system of all containers, as a folder of the test's own.
func image(t *testing.T, name string) string {
	t.Helper()
	folder := "/lab/roots/" + name
	shell(t, fmt.Sprintf(`rm -rf %[1]s && mkdir -p %[1]s && cd %[1]s && mkdir etc proc sys dev tmp run usr var pipes &&
		cp /lab/probe /lab/doctor . && echo root:x:0:0:root:/:/probe >etc/passwd && echo root:x:0: >etc/group && echo ID=lab >etc/os-release`, folder))
	return folder
}

func archive(t *testing.T) string {
	t.Helper()
	const name = "/lab/image.tar"
	if _, err := os.Stat(name); err != nil {
		shell(t, "tar -C "+image(t, "archive")+" -cf "+name+" .")
	}
	return name
}

// daemon runs a program as a unit until the test ends, and waits for an answer.
func daemon(t *testing.T, unit, ready string, command ...string) {
	t.Helper()
	arguments := append([]string{"-q", "--collect", "--unit=" + unit, "-p", "Delegate=yes", "-p", "LimitNOFILE=65536"}, command...)
	if output, err := exec.Command("systemd-run", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s does not start: %v: %s", command[0], err, output)
	}
	t.Cleanup(func() { _ = exec.Command("systemctl", "stop", unit).Run() })
	answers(t, ready, "journalctl -u "+unit)
}

// answers waits for a daemon: until the script succeeds.
func answers(t *testing.T, ready, log string) {
	t.Helper()
	for began := time.Now(); exec.Command("/bin/sh", "-c", ready).Run() != nil; time.Sleep(time.Second / 4) {
		if time.Since(began) > time.Minute {
			t.Fatalf("no answer to %s: %s", ready, shell(t, log+" --no-pager | tail -20"))
		}
	}
}

// version notes what was tested.
func version(t *testing.T, script string) {
	t.Helper()
	if output, err := exec.Command("/bin/sh", "-c", script).Output(); err == nil {
		t.Attr("version", strings.TrimSpace(string(output)))
	}
}

// engine is Docker or Podman, which have the same words.
type engine struct {
	name    string
	command []string
	flags   []string // of every container
}

func (e *engine) do(t *testing.T, arguments ...string) string {
	t.Helper()
	command := append(append([]string{}, e.command...), arguments...)
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(command, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// container is one way to run the engine. With limits they are its own, without they are its parent's.
func (e *engine) container(name string, limits bool, options ...string) contained {
	id := "lab-" + strings.NewReplacer(" ", "-", ",", "").Replace(name)
	c := contained{name: e.name + " " + name, runtime: strings.Fields(e.name)[0]}
	c.start = func(t *testing.T) (*client, error) {
		arguments := append(append(append([]string{}, e.command[1:]...), "run", "--rm", "-i", "--name", id, "--network=none"), e.flags...)
		if limits {
			arguments = append(arguments, "--memory", fmt.Sprint(memoryLimit), "--cpus", fmt.Sprint(cpuLimit), "--pids-limit=60")
		}
		return start(t, e.command[0], append(append(arguments, options...), "lab:1", "/probe")...)
	}
	if limits {
		c.inspect = func(t *testing.T) (memory, cores float64) {
			t.Helper()
			text := e.do(t, "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", id)
			fields := strings.Fields(text)
			return parse(t, fields[0]), parse(t, fields[1]) / 1e9
		}
		c.resize = func(t *testing.T, memory int, cores float64) {
			t.Helper()
			e.do(t, "update", "--memory", fmt.Sprint(memory), "--memory-swap=-1", "--cpus", fmt.Sprint(cores), id)
		}
	} else {
		c.resize = setUnit("lab.slice")
	}
	return c
}

func TestDocker(t *testing.T) {
	needDistribution(t)
	daemon(t, "labdockerd", "docker version", "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--exec-opt", "native.cgroupdriver=systemd")
	version(t, "docker version -f 'Docker {{.Server.Version}}'")
	e := &engine{name: "docker", command: []string{"docker"}}
	e.do(t, "import", archive(t), "lab:1")
	examine(t, []contained{
		e.container("private namespace", true, "--cgroupns=private"),
		e.container("host namespace", true, "--cgroupns=host"),
		e.container("privileged", true, "--privileged"),
		inSlice(e.container("limits on the parent", false, "--cgroup-parent=lab.slice", "--cgroupns=host")),
		hidden(inSlice(e.container("limits on the parent, private namespace", false, "--cgroup-parent=lab.slice", "--cgroupns=private"))),
	})
}

// inSlice gives the parent the limits.
func inSlice(c contained) contained {
	plain := c.start
	if !unified() {
		// The parent's memory limit shows in memory.stat of the child.
		c.cpuless = "on v1 a container sees its own cgroup alone"
	}
	c.start = func(t *testing.T) (*client, error) {
		probe, err := plain(t)
		if err == nil {
			setUnit("lab.slice")(t, memoryLimit, cpuLimit)
		}
		return probe, err
	}
	return c
}

// hidden marks limits that a private cgroup namespace hides: they bind, and nothing inside tells of them.
func hidden(c contained) contained {
	c.unseen = unified() // on v1 memory.stat tells even then
	return c
}

const crunHybrid = "crun refuses to work in the hybrid layout"

func TestPodman(t *testing.T) {
	needDistribution(t)
	version(t, "podman --version")
	for _, oci := range []string{"crun", "runc"} {
		if oci == "crun" && mode() == "hybrid" {
			check(t, "podman crun", "detection", func(t *testing.T) { t.Skip(crunHybrid) })
			continue
		}
		e := &engine{name: "podman " + oci, command: []string{"podman", "--runtime", oci}, flags: []string{"--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:1024"}}
		e.do(t, "import", archive(t), "lab:1")
		examine(t, []contained{
			e.container("private namespace", true, "--cgroupns=private"),
			e.container("host namespace", true, "--cgroupns=host"),
			inSlice(e.container("limits on the parent", false, "--cgroup-parent=lab.slice", "--cgroupns=host")),
		})
	}
}

// rootless is a user, whom systemd delegates cgroups, and a command that does another as the user.
func rootless(t *testing.T) (uid string, as []string) {
	t.Helper()
	shell(t, "id lab >/dev/null 2>&1 || useradd -m lab; loginctl enable-linger lab; for i in $(seq 200); do [ -S /run/user/$(id -u lab)/bus ] && break; sleep 0.2; done; chmod 755 /lab; chmod 644 "+archive(t))
	uid = shell(t, "id -u lab")
	return uid, []string{"runuser", "-u", "lab", "--", "env", "-C", "/home/lab", "HOME=/home/lab", "XDG_RUNTIME_DIR=/run/user/" + uid,
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/" + uid + "/bus"}
}

const rootlessV1 = "without root there are no limits on cgroup v1"

// withCPU marks limits of the CPU as unseen where the user has no controller for them.
func withCPU(t *testing.T, uid string, all ...contained) []contained {
	t.Helper()
	if !strings.Contains(shell(t, "cat /sys/fs/cgroup/user.slice/user-"+uid+".slice/user@"+uid+".service/cgroup.controllers"), "cpu ") {
		for i := range all {
			all[i].cpuless = "systemd delegates no CPU controller to users"
		}
	}
	return all
}

// TestPodmanRootless runs Podman as a user.
func TestPodmanRootless(t *testing.T) {
	needDistribution(t)
	if !unified() {
		check(t, "podman rootless", "detection", func(t *testing.T) { t.Skip(rootlessV1) })
		return
	}
	uid, as := rootless(t)
	e := &engine{name: "podman rootless", command: append(as, "podman")}
	e.do(t, "import", archive(t), "lab:1")
	examine(t, withCPU(t, uid, e.container("private namespace", true, "--cgroupns=private"), e.container("host namespace", true, "--cgroupns=host")))
}

// TestDockerRootless runs Docker's daemon as a user.
func TestDockerRootless(t *testing.T) {
	needDistribution(t)
	if !unified() {
		check(t, "docker rootless", "detection", func(t *testing.T) { t.Skip(rootlessV1) })
		return
	}
	uid, as := rootless(t)
	e := &engine{name: "docker rootless", command: []string{"docker", "--host", "unix:///run/user/" + uid + "/docker.sock"}}
	// The machine has no tun, which a network of its own would need.
	unit := append(as, "systemd-run", "--user", "-q", "--collect", "--unit=labdockerd", "-p", "Delegate=yes", "-E", "PATH="+os.Getenv("PATH"),
		"-E", "DOCKERD_ROOTLESS_ROOTLESSKIT_NET=host", "-E", "DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=none",
		"/usr/share/docker.io/contrib/dockerd-rootless.sh", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none", "--storage-driver=vfs",
		"--exec-opt", "native.cgroupdriver=systemd")
	shell(t, strings.Join(unit, " "))
	stop := append(as, "systemctl", "--user", "stop", "labdockerd")
	t.Cleanup(func() { _ = exec.Command(stop[0], stop[1:]...).Run() })
	// Not version: without a network of rootlesskit's, Docker 26 panics over it.
	answers(t, strings.Join(e.command, " ")+" ps", "journalctl _UID="+uid)
	e.do(t, "import", archive(t), "lab:1")
	examine(t, withCPU(t, uid, e.container("private namespace", true, "--cgroupns=private"), e.container("host namespace", true, "--cgroupns=host")))
}

// TestOCI runs the low-level runtimes, of which nothing inside speaks.
func TestOCI(t *testing.T) {
	needDistribution(t)
	for _, program := range []string{"runc", "crun"} {
		if program == "crun" && mode() == "hybrid" {
			check(t, "crun", "detection", func(t *testing.T) { t.Skip(crunHybrid) })
			continue
		}
		version(t, program+" --version | head -1")
		id := "lab" + program
		root := image(t, program)
		bundle := filepath.Dir(root) + "/bundle-" + program
		shell(t, "rm -rf "+bundle+"; mkdir -p "+bundle+"; runc spec --bundle "+bundle)
		editSpec(t, bundle+"/config.json", root, "/"+id)
		examine(t, []contained{{
			name: program,
			start: func(t *testing.T) (*client, error) {
				return start(t, program, "run", "--bundle", bundle, id)
			},
			resize: func(t *testing.T, memory int, cores float64) {
				t.Helper()
				shell(t, fmt.Sprintf("%s update --memory %d --memory-swap %d --cpu-quota %.0f --cpu-period 100000 %s", program, memory, memory, cores*100_000, id))
			},
		}})
	}
}

func editSpec(t *testing.T, name, root, group string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		t.Fatal(err)
	}
	spec["root"] = map[string]any{"path": root, "readonly": true}
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/probe"}
	linux := spec["linux"].(map[string]any)
	linux["cgroupsPath"] = group
	linux["resources"] = map[string]any{
		"memory": map[string]any{"limit": memoryLimit, "swap": memoryLimit},
		"cpu":    map[string]any{"quota": int(cpuLimit * 100_000), "period": 100_000},
	}
	if b, err = json.Marshal(spec); err == nil {
		err = os.WriteFile(name, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func makePipes(t *testing.T, folder string) {
	t.Helper()
	shell(t, fmt.Sprintf("mkdir -p %[1]s; rm -f %[1]s/in %[1]s/out; mkfifo -m 666 %[1]s/in %[1]s/out", folder))
}

// piped starts a command whose container leaves no standard streams: the
// probe talks by pipes in a folder that both sides see.
func piped(t *testing.T, folder string, name string, arguments ...string) (*client, error) {
	t.Helper()
	makePipes(t, folder)
	bridge := `folder=$1; shift; "$@" </dev/null >$folder/log 2>&1 & cat $folder/out & cat >$folder/in; wait`
	c, err := start(t, "/bin/sh", append([]string{"-c", bridge, "sh", folder, name}, arguments...)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, shell(t, "tail -5 "+folder+"/log"))
	}
	return c, nil
}

func TestLXC(t *testing.T) {
	needDistribution(t)
	version(t, "echo LXC $(lxc-start --version)")
	root := image(t, "lxc")
	limits := fmt.Sprintf("lxc.cgroup.memory.limit_in_bytes = %d\nlxc.cgroup.cpu.cfs_period_us = 100000\nlxc.cgroup.cpu.cfs_quota_us = %.0f\n", memoryLimit, cpuLimit*100_000)
	files := [2]string{"memory.limit_in_bytes", "cpu.cfs_quota_us"}
	quota := func(cores float64) string { return fmt.Sprintf("%.0f", cores*100_000) }
	if unified() {
		limits = fmt.Sprintf("lxc.cgroup2.memory.max = %d\nlxc.cgroup2.cpu.max = %.0f 100000\n", memoryLimit, cpuLimit*100_000)
		files = [2]string{"memory.max", "cpu.max"}
		quota = func(cores float64) string { return fmt.Sprintf("'%.0f 100000'", cores*100_000) }
	}
	shell(t, "mkdir -p /lab/lxc")
	config := "lxc.uts.name = lab\nlxc.rootfs.path = dir:" + root + "\nlxc.net.0.type = empty\nlxc.mount.auto = proc:mixed sys:ro cgroup:ro:force\n" +
		"lxc.console.path = none\nlxc.pty.max = 0\nlxc.tty.max = 0\n" + limits
	if err := os.WriteFile("/lab/lxc.conf", []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	examine(t, []contained{{
		name: "lxc", runtime: "lxc",
		start: func(t *testing.T) (*client, error) {
			return piped(t, root+"/pipes", "lxc-start", "-F", "-P", "/lab/lxc", "-n", "lab", "-f", "/lab/lxc.conf", "-l", "WARN", "-o", "/lab/lxc.log",
				"-s", "lxc.init.cmd = /probe -in /pipes/in -out /pipes/out")
		},
		inspect: func(t *testing.T) (memory, cores float64) {
			fields := strings.Fields(shell(t, "lxc-cgroup -P /lab/lxc -n lab "+files[0]+"; lxc-cgroup -P /lab/lxc -n lab "+files[1]))
			return parse(t, fields[0]), parse(t, fields[1]) / 100_000
		},
		resize: func(t *testing.T, memory int, cores float64) {
			shell(t, fmt.Sprintf("lxc-cgroup -P /lab/lxc -n lab %s %d && lxc-cgroup -P /lab/lxc -n lab %s %s", files[0], memory, files[1], quota(cores)))
		},
	}})
}

func TestNspawn(t *testing.T) {
	needDistribution(t)
	root := image(t, "nspawn")
	nspawn := func(name string, variables ...string) contained {
		return contained{
			name: name, runtime: "systemd-nspawn", inspect: unitLimits("machine-lab.scope"), resize: setUnit("machine-lab.scope"),
			start: func(t *testing.T) (*client, error) {
				return start(t, "env", append(variables, "systemd-nspawn", "--quiet", "--machine=lab", "--private-network", "--console=pipe",
					"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--property="+memoryProperty(memoryLimit),
					fmt.Sprintf("--property=CPUQuota=%v%%", cpuLimit*100), "--directory", root, "/probe")...)
			},
		}
	}
	// The scope has the limits, and what runs in it is in a cgroup and a namespace
	// below. For an old system, which 252 takes a root without systemd for, there
	// is the layout of v1 without controllers, and for others v2.
	all := []contained{hidden(nspawn("systemd-nspawn"))}
	if unified() {
		all = append(all, hidden(nspawn("systemd-nspawn with cgroup v2", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")))
	}
	examine(t, all)
}

// TestSandbox runs the probe in namespaces without a name, in a scope with limits.
func TestSandbox(t *testing.T) {
	needDistribution(t)
	version(t, "bwrap --version")
	root := image(t, "bwrap")
	scope := func(unit string, command ...string) func(*testing.T) (*client, error) {
		return func(t *testing.T) (*client, error) {
			arguments := append([]string{"-q", "--scope", "--unit=" + unit}, unitProperties()...)
			return start(t, "systemd-run", append(arguments, command...)...)
		}
	}
	bwrap := []string{"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--clearenv",
		"--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"}
	all := []contained{
		{
			name: "bwrap", inspect: unitLimits("labbwrap.scope"), resize: setUnit("labbwrap.scope"),
			start: scope("labbwrap", append(append([]string{"bwrap"}, bwrap...), "/probe")...),
		},
		{
			name: "bwrap, private namespace", inspect: unitLimits("labbwrap2.scope"), resize: setUnit("labbwrap2.scope"),
			start: scope("labbwrap2", append(append([]string{"bwrap", "--unshare-cgroup"}, bwrap...), "/probe")...),
		},
		{
			name: "unshare", inspect: unitLimits("labunshare.scope"), resize: setUnit("labunshare.scope"),
			start: scope("labunshare", "unshare", "-fpmuiC", "--mount-proc", "/lab/probe"),
		},
	}
	if unified() {
		all = append(all, contained{
			name: "unshare, cgroups mounted anew", inspect: unitLimits("labunshare2.scope"), resize: setUnit("labunshare2.scope"),
			start: scope("labunshare2", "unshare", "-fpmuiC", "--mount-proc", "/bin/sh", "-c",
				"umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec /lab/probe"),
		})
	}
	examine(t, all)
}
