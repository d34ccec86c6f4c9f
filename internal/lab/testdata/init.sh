#!/bin/busybox sh
# The first process of the lab's machines. With a distribution on the first disk
# (lab.root=1) it hands over to systemd there. Without, it mounts the cgroups as
# the kernel's command line says (lab.mode=v2, v1 or hybrid), runs the guest's
# tests (lab.run=REGEXP, lab.timeout=DURATION) and powers the machine off.
/bin/busybox mkdir -p /bin /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
ip link set lo up
while read -r module; do insmod "/modules/$module.ko"; done </modules/order
for word in $(cat /proc/cmdline); do
	case $word in
	lab.*) export "LAB_$(echo "${word%%=*}" | cut -d . -f 2 | tr a-z A-Z)=${word#*=}" ;;
	esac
done
if [ -n "$LAB_ROOT" ]; then
	mkdir /newroot
	tries=0
	until mount -t ext4 -o noatime /dev/vda /newroot || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done 2>/dev/null
	umount /run /tmp /sys /proc
	mount --move /dev /newroot/dev
	exec switch_root /newroot /lib/systemd/systemd
fi
root=/sys/fs/cgroup
v1() { # v1 CONTROLLERS...: those that this kernel has
	mount -t tmpfs -o mode=755 tmpfs $root
	for controllers; do
		mkdir "$root/$controllers"
		mount -t cgroup -o "$controllers" cgroup "$root/$controllers" || rmdir "$root/$controllers"
	done
	mkdir $root/systemd
	mount -t cgroup -o none,name=systemd cgroup $root/systemd
	ln -s cpu,cpuacct $root/cpu
	ln -s cpu,cpuacct $root/cpuacct
}
case $LAB_MODE in
v2) mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 $root ;;
v1) v1 cpu,cpuacct memory blkio pids cpuset devices freezer ;;
hybrid)
	v1 cpu,cpuacct memory blkio pids cpuset devices freezer
	mkdir $root/unified
	mount -t cgroup2 cgroup2 $root/unified
	;;
esac
echo "LAB BEGIN $(uname -r)"
/guest.test -test.v=test2json -test.timeout="$LAB_TIMEOUT" -test.run="$LAB_RUN" 2>&1
echo "LAB END $?"
sync
poweroff -f
