# The same, but the last advertisement is 3.2 s old: others have taken over. It starts as a backup, and the address goes.
router VI_1 priority 100 address 10.0.0.100/32
100 recorded VI_1 MASTER 96.8
100.02 appears 10.0.0.100/32
100.02 start
    note tooLateToAdopt(router 0, since: 3.22 seconds)
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    withdraw 10.0.0.100/32
    record VI_1 BACKUP
    sockets 1
101 wait
