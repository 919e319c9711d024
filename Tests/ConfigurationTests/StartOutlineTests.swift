import Configuration
import Testing

@Suite struct StartOutlineTests {
    @Test("What would start is named: processes, instances and what they hold, groups, scripts")
    func outline() throws {
        let text = """
            global_defs {
                vrrp_rt_priority 50
                vrrp_cpu_affinity 1 2
                notify_fifo /run/f
                notify_fifo_script "/bin/reader -x"
                startup_script /bin/first
            }
            vrrp_script web {
                script "/bin/check 'a b'"
                user nobody
                interval 2
                weight -20
            }
            vrrp_script idle {
                script /bin/idle
            }
            vrrp_sync_group G {
                group {
                    A
                    B
                }
                notify_fault /bin/fault
            }
            vrrp_instance A {
                interface eth0
                virtual_router_id 1
                priority 150
                track_script {
                    web
                }
                virtual_ipaddress {
                    10.0.0.1/24
                }
                virtual_ipaddress_excluded {
                    10.0.0.2/24 dev eth1
                }
                notify_deleted
            }
            vrrp_instance B {
                state BACKUP
                priority 200
                interface eth0
                virtual_router_id 2
                advert_int 0.5
                version 3
                unicast_peer {
                    fe80::2
                }
                virtual_ipaddress {
                    fe80::1
                }
            }
            """
        let loaded = Configuration.load(text: text)
        let model = try #require(loaded.model, "\(loaded.renderedDiagnostics())")
        #expect(
            StartOutline(model).text == """
                processes
                    aloftd, the supervisor: runs the scripts, answers the control socket
                    aloftd, the VRRP worker (SCHED_RR 50, on processors 1 2)
                    /bin/reader -x /run/f, the reader of a named pipe
                instances
                    A: eth0, virtual router 1, IPv4, version 2, multicast to 224.0.0.18
                        priority 150, an advert every 1 s; begins as BACKUP
                        holds 10.0.0.1/24 on eth0 as master
                        holds 10.0.0.2/24 on eth1 as master (not advertised)
                    B: eth0, virtual router 2, IPv6, version 3, unicast to 1 peer
                        priority 200, an advert every 0.5 s; begins as BACKUP
                        holds fe80::1/128 on eth0 as master
                sync groups
                    G: A, B
                checks that run again and again
                    web: /bin/check 'a b', every 2 s, at most 2 s, as nobody; weight -20
                scripts that run on events
                    before anything starts: /bin/first
                    group G, notify_fault: /bin/fault
                """)
    }
}
