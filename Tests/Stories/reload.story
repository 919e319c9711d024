# A reload touches what changed and nothing else: VI_2 gets no effect. A script that the reload brought has not failed
# because it has not reported yet.
script chk interval 5
router VI_1 priority 100 address 10.0.0.100/32
router VI_2 priority 100 address 10.0.0.120/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_2 BACKUP
    VI_2 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_2
    record VI_1 BACKUP
    record VI_2 BACKUP
    sockets 1
4 wait
    3.609375  advertise VI_1 100
    3.609375  install 10.0.0.100/32
    3.609375  record VI_1 MASTER
    3.609375  announce 10.0.0.100/32 × 5
    3.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.609375  hook master of VI_1
    3.609375  advertise VI_2 100
    3.609375  install 10.0.0.120/32
    3.609375  record VI_2 MASTER
    3.609375  announce 10.0.0.120/32 × 5
    3.609375  VI_2 BACKUP → MASTER because vrrp.backup.master-down
    3.609375  hook master of VI_2
4.2 reload VI_1 address 10.0.0.101/32
    install 10.0.0.101/32
    announce 10.0.0.100/32 × 5
    announce 10.0.0.101/32 × 5
    reloaded
4.3 reload VI_1 without 10.0.0.100/32
    withdraw 10.0.0.100/32
    reloaded
4.4 reload
    reloaded
4.5 reload VI_1 script chk
    reloaded
    start script 0
4.51 answer chk 0
    record script 0
    note scriptChanged(script 0, isUp: true)
5 wait
    4.609375  advertise VI_1 100
    4.609375  advertise VI_2 100
