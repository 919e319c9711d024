# Held back by vrrp_startup_delay, a router ignores adverts and owns nothing. A reload in that time changes what will begin,
# not when: here it adds a script.
startup_delay 2
script chk interval 5
router VI_1 priority 100 address 10.0.0.100/32
0 start
    record VI_1 INIT
    sockets 1
0.05 reload VI_1 script chk
    reloaded
2.1 answer chk 0
    2.000000  start script 0
    record script 0
    note scriptChanged(script 0, isUp: true)
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
6 wait
    5.709375  advertise VI_1 100
    5.709375  install 10.0.0.100/32
    5.709375  record VI_1 MASTER
    5.709375  announce 10.0.0.100/32 × 5
    5.709375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    5.709375  hook master of VI_1
