#!/bin/sh
# Runs the guest's tests in a machine with systemd, gives what they kept to the
# third disk, and powers the machine off. The results go to the console.
cd /lab || exit 1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LAB_ROOT=1
for word in $(cat /proc/cmdline); do
	case $word in
	lab.mode=*) export LAB_MODE="${word#*=}" ;;
	lab.run=*) export LAB_RUN="${word#*=}" ;;
	lab.timeout=*) export LAB_TIMEOUT="${word#*=}" ;;
	esac
done
ulimit -n 65536
mkdir -p kept
echo "LAB BEGIN $(uname -r)"
./guest.test -test.v=test2json -test.timeout="$LAB_TIMEOUT" -test.run="$LAB_RUN" 2>&1
echo "LAB END $?"
tar -C kept -cf /dev/vdc .
sync
echo o >/proc/sysrq-trigger
sleep 60
