/*
 * The lease of Sources/Arbitration as a model for spin (spinroot.com): two nodes, one arbiter, all orders of events.
 *
 *   make model            all of it: what must hold holds, and each planted bug is found
 *
 * Where the simulation (Tests/ArbitrationTests/LeaseSimulation.swift) runs the real machine through a few thousand drawn orders of
 * events, this goes through every order of a small world. What it says holds for the protocol as it is written down here, and
 * within the bounds below; that LeaseMachine follows it is what the simulation is for.
 *
 * The world
 * - Requests and answers are lost, late without limit, overtake each other; a write may arrive twice.
 * - A node's process crashes at any moment and comes back with no memory, as a successor that knows its predecessor is gone or one
 *   that does not. What the kernel serves for it goes on until its deadline (the lease fence), or ends (a reboot).
 * - The arbiter restarts and forgets the record, or shows the one before it. It grants nothing for QUIET after that.
 * - A node may want to hold no more, gives back, and may want again.
 * - Pauses are orders of events like any other: between any two steps any time may pass.
 *
 * Time is true time in ticks. What a clock within its drift may show is a choice:
 * - without CLOCKS, by what the terms promise: a holder's span is at most L of true time (it may end at any moment before), a
 *   taker's wait at least L (it may take longer);
 * - with CLOCKS, by clocks: each skips or doubles one tick, and then runs true for three (Φ is a quarter), the holder counts
 *   L(1-Φ) = 3 of its own ticks and the taker L(1+Φ) = 5, L being 4.
 *
 * A record is its number: each write brings one of its own, as the real ones differ in version, incarnation and request.
 *
 * What must hold
 * - two nodes never serve at once;
 * - each taking has a higher epoch than all before, so that none is used twice;
 * - with LIVE: once faults end, somebody holds within L + 2 ticks (what was under way may be seen
 *   one tick late), whatever happened before; and the model reaches no dead end.
 *
 * Bounds: WRITES writes, CRASHES, RESTARTS of the arbiter, CHANGES of mind; each node remembers two unanswered writes (the machine:
 * 16). Both nodes have the same terms; that the larger terms win is left to the simulation.
 *
 * The arbiter here keeps the highest epoch and version through its restart (HEIGHTS: the witness takes them from its wall clock).
 * AMNESIA is one that keeps nothing: two holders are still impossible, but a node that never saw an epoch uses it again, so
 * there that is not asked for (BUG_FORGETS_HEIGHT shows it).
 */

#ifndef WRITES
#define WRITES 5
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef CHANGES
#define CHANGES 1
#endif
/* Of WRITES, what is left for the time after the faults. */
#ifndef RESERVE
#define RESERVE 2
#endif

#ifdef CLOCKS
#define L 4
#ifdef BUG_NO_DRIFT
#define HOLD 4
#define WAIT 4
#else
#define HOLD 3
#define WAIT 5
#endif
#else
#ifndef L
#define L 2
#endif
#define HOLD L
#ifdef BUG_SHORT_WAIT
#define WAIT (L - 1)
#elif defined(BUG_LONG_WAIT)
#define WAIT (2 * L + 3)
#else
#define WAIT L
#endif
#endif

#ifdef BUG_NO_QUIET
#define QUIET 0
#else
#define QUIET L
#endif

#ifdef AMNESIA
#define FORGETS 1
#else
#ifdef BUG_FORGETS_HEIGHT
#define FORGETS 1
#else
#define FORGETS 0
#endif
#endif

/* Only a forgetful arbiter has use for what stood before. */
#if FORGETS
#define KEEP(what) what
#define KEEPHEIGHT
#else
#define KEEP(what)
#define KEEPHEIGHT highestGiven.epoch = record[w].epoch; highestGiven.version = record[w].version
#endif

#define NIL 0          /* no record */
#define NOBODY 2       /* a record's holder: free */
#define RECORDS (WRITES + RESTARTS + 1)

/* What was written, or is to be. Record 0 is none: epoch and version 0. */
typedef Record {
    byte holder;       /* 0, 1 or NOBODY */
    byte incarnation;
    byte epoch;
    byte version;
    byte replaces;     /* the record that it compares with */
    bit flies;         /* a request that brings it may still arrive */
    bit stood
};

typedef Node {
    /* The kernel: until when it serves, in ticks from now, and under which epoch. It outlives a crash of the process. */
    byte serves;
    byte tenure;
    /* The process. */
    byte incarnation;
    byte predecessor;
    bit wants;
    bit holds;
    bit hasSight;
    byte sight;
    byte wait;         /* ticks until what it sees has stood long enough */
    bit asks;
    byte asked;        /* the write it waits for; NIL: a read */
    byte answer;       /* 0, FOUND, GRANTED, REFUSED: on its way */
    byte standing;     /* what the answer shows */
    bit mustReadBack;
    byte sent[2];      /* writes that may have been carried out, or may yet be */
    byte credit[2];    /* what each is worth if it was: HOLD, less what has passed since it was sent */
    byte highestEpoch;
    byte highestVersion;
    byte heldEpoch;
#ifdef CLOCKS
    byte calm;         /* ticks until its clock may be wrong again */
#endif
#ifdef LIVE
    bit looked;
    bit paused         /* asks nothing before the next tick */
#endif
};

#define FOUND 1
#define GRANTED 2
#define REFUSED 3

typedef Height { byte epoch; byte version };

Record record[RECORDS];
Height highestGiven;   /* by the arbiter; it outlives a restart */
Node node[2];
byte top;              /* the last record in use */
byte stands;         /* what stands at the arbiter */
byte before;           /* what stood before that */
byte quiet;            /* ticks until it grants again */
byte lives;            /* the last incarnation given out */
byte crashes;
byte restarts;
byte changes;
byte highestTenure;    /* of all that ever served; for the property only */
#ifdef LIVE
bit faultsEnded;
bit somebodyHeld;      /* since then: nothing more is asked */
byte sinceThen;
#define FAULTY (!faultsEnded)
#define BUDGET (WRITES + restarts * (1 - FORGETS) - (faultsEnded -> 0 : RESERVE))
#else
#define FAULTY true
#define BUDGET (WRITES + restarts * (1 - FORGETS))
#endif
#define me node[n]

inline leave() {
    me.holds = 0;
#ifdef BUG_LATE_STOP
    /* Goes on serving what it had when it finds another's record. */
    skip
#else
    me.serves = 0;
    me.tenure = 0
#endif
}

/* A record that never stood and flies no more: its number is free again. */
inline forget(r) {
    if
    :: r == top && !record[r].stood && !record[r].flies ->
        if
        :: me.sent[1] == r -> me.sent[1] = 0; me.credit[1] = 0
        :: else
        fi;
        if
        :: me.sent[0] == r -> me.sent[0] = me.sent[1]; me.credit[0] = me.credit[1]; me.sent[1] = 0; me.credit[1] = 0
        :: else
        fi;
        record[r].holder = 0; record[r].incarnation = 0; record[r].epoch = 0; record[r].version = 0;
        record[r].replaces = 0;
        top = top - 1
    :: else
    fi
}

/* Its own record stands, by a write whose sending is remembered. */
inline grant(r, span) {
    if
    :: me.wants && span > 0 ->
        if
        :: me.holds && me.tenure == record[r].epoch ->
            if
            :: span > me.serves -> me.serves = span
            :: else
            fi
        :: else ->
            if
            :: record[r].epoch > me.heldEpoch ->
                me.heldEpoch = record[r].epoch;
                me.holds = 1;
                me.serves = span;
                me.tenure = record[r].epoch;
#ifndef AMNESIA
                assert(me.tenure > highestTenure);
                highestTenure = me.tenure;
#endif
            :: else
            fi
        fi;
        /* SAFE-2 */
        assert(node[0].serves == 0 || node[1].serves == 0)
    :: else
    fi
}

inline learn(r) {
    if
    :: record[r].epoch < me.highestEpoch || record[r].version < me.highestVersion ->
        /* An older record than it has seen is not built upon. */
        me.hasSight = 0;
        me.sight = 0;
        me.wait = 0;
        me.mustReadBack = 0;
#ifdef LIVE
        me.paused = 1;
#endif
        leave()
    :: else ->
        me.mustReadBack = 0;
        if
        :: !me.hasSight || me.sight != r -> me.hasSight = 1; me.sight = r; me.wait = WAIT
        :: else
        fi;
        me.highestEpoch = record[r].epoch;
        me.highestVersion = record[r].version;
        if
        :: r == NIL -> leave()
        :: r != NIL && record[r].incarnation == me.incarnation ->
            if
            :: record[r].holder == n && me.sent[0] == r ->
#ifdef BUG_COUNTS_FROM_RECEIPT
                me.credit[0] = HOLD;
#endif
                grant(r, me.credit[0])
            :: record[r].holder == n && me.sent[1] == r ->
#ifdef BUG_COUNTS_FROM_RECEIPT
                me.credit[1] = HOLD;
#endif
                grant(r, me.credit[1])
            :: else
            fi
        :: r != NIL && record[r].incarnation != me.incarnation ->
            if
            :: record[r].holder == n && me.predecessor != 0 && record[r].incarnation == me.predecessor
            :: else -> leave()
            fi
        fi;
        /* Each compares with a version that is past. */
        if
        :: me.sent[1] != 0 && record[me.sent[1]].version <= record[r].version -> me.sent[1] = 0; me.credit[1] = 0
        :: else
        fi;
        if
        :: me.sent[0] != 0 && record[me.sent[0]].version <= record[r].version ->
            me.sent[0] = me.sent[1]; me.credit[0] = me.credit[1]; me.sent[1] = 0; me.credit[1] = 0
        :: else
        fi
    fi
}

#define SEEN(i) record[node[i].sight]
#define OWN(i) (SEEN(i).incarnation == node[i].incarnation \
    || (SEEN(i).holder == i && node[i].predecessor != 0 && SEEN(i).incarnation == node[i].predecessor))
/* When what stands is to be replaced: renewed, taken or given back. A holder may renew at any time. */
#ifdef LIVE
#define PAUSED(i) node[i].paused
#else
#define PAUSED(i) false
#endif
#define DUE(i) (!node[i].asks && !PAUSED(i) && node[i].hasSight && !node[i].mustReadBack && ( \
    node[i].holds \
    || (node[i].sight == NIL && node[i].wants && node[i].wait == 0) \
    || (node[i].sight != NIL && node[i].wants && (SEEN(i).holder == NOBODY || OWN(i) || node[i].wait == 0)) \
    || (node[i].sight != NIL && !node[i].wants && OWN(i) && SEEN(i).holder != NOBODY)))

inline write() {
    top = top + 1;
    record[top].incarnation = me.incarnation;
    record[top].replaces = me.sight;
    record[top].version = record[me.sight].version + 1;
    record[top].epoch = record[me.sight].epoch;
    if
    :: me.sight == NIL -> record[top].epoch = me.highestEpoch
    :: else
    fi;
    record[top].holder = n;
    if
    :: me.holds
    :: !me.holds && !me.wants -> record[top].holder = NOBODY
    :: !me.holds && me.wants ->
#ifdef BUG_EPOCH_REUSED
        if
        :: me.sight == NIL || OWN(n) -> record[top].epoch = record[top].epoch + 1
        :: else
        fi
#else
        record[top].epoch = record[top].epoch + 1
#endif
    fi;
    record[top].flies = 1;
    if
    :: me.sent[1] != 0 -> me.sent[0] = me.sent[1]; me.credit[0] = me.credit[1]; me.sent[1] = top; me.credit[1] = HOLD
    :: me.sent[1] == 0 && me.sent[0] != 0 -> me.sent[1] = top; me.credit[1] = HOLD
    :: else -> me.sent[0] = top; me.credit[0] = HOLD
    fi;
    me.asks = 1;
    me.asked = top
}

inline settled() {
    me.asks = 0; me.asked = 0; me.answer = 0; me.standing = 0
}

/* The answer is here. */
inline receive() {
    a = me.answer; r = me.standing; w = me.asked;
    settled();
#ifdef LIVE
    if
    :: a == REFUSED && r == record[w].replaces -> me.paused = 1
    :: else
    fi;
#endif
    learn(r);
    if
    :: a == REFUSED -> forget(w)
    :: else
    fi;
    a = 0; r = 0; w = 0
}

/* No answer is no answer. */
inline giveUp() {
#ifndef BUG_BLIND_PUT
    me.mustReadBack = 1;
#endif
    settled()
}

/* Write w arrives at the arbiter. */
inline arrive() {
    if
#ifdef BUG_BLIND_PUT
    /* After no answer it does not compare. */
    :: quiet == 0 && (stands == record[w].replaces || (me.sent[1] == w && stands != w)) ->
#else
#ifdef BUG_VERSION_ONLY
    :: quiet == 0 && record[stands].version == record[w].version - 1 ->
#else
    :: quiet == 0 && stands == record[w].replaces ->
#endif
#endif
        KEEP(before = stands;) stands = w; record[w].stood = 1; a = GRANTED;
        KEEPHEIGHT
    :: else -> a = REFUSED
    fi;
    if
    :: me.incarnation == record[w].incarnation && me.asks && me.asked == w ->
        me.answer = a;
        me.standing = stands
    :: else
    fi;
    a = 0
}

inline crash() {
    crashes = crashes + 1;
    lives = lives + 1;
    settled();
    me.incarnation = lives;
    me.predecessor = 0;
    me.holds = 0;
    me.wants = 1;
    me.hasSight = 0; me.sight = 0; me.wait = 0;
    me.mustReadBack = 0;
    me.sent[0] = 0; me.sent[1] = 0; me.credit[0] = 0; me.credit[1] = 0;
    me.highestEpoch = 0; me.highestVersion = 0; me.heldEpoch = 0
}

inline count(timer, ticks) { timer = (timer > ticks -> timer - ticks : 0) }

inline pass(ticks) {
    count(me.serves, ticks);
    if
    :: me.serves == 0 -> me.holds = 0; me.tenure = 0
    :: else
    fi;
    count(me.wait, ticks);
    count(me.credit[0], ticks);
    count(me.credit[1], ticks)
}

/* An arbiter that shows an old record again could still grant it. */
#if FORGETS
#define REVIVABLE(i) (restarts < RESTARTS)
#else
#ifdef BUG_VERSION_ONLY
#define REVIVABLE(i) true
#else
#ifdef BUG_BLIND_PUT
#define REVIVABLE(i) true
#else
#define REVIVABLE(i) false
#endif
#endif
#endif
#define ASKED(i, r) (node[i].asked == r && node[i].incarnation == record[r].incarnation)
#define KNOWN(n, r) (node[n].asked == r || node[n].sight == r || node[n].standing == r \
    || node[n].sent[0] == r || node[n].sent[1] == r)

/* A look at what it has seen already changes nothing, and a holder looks only to read back. */
#define CURIOUS (me.mustReadBack || !me.hasSight || (me.sight != stands && !me.holds))

/* What can make no difference any more is zero, so that states which differ in nothing else are one. */
inline tidy() {
    i = 0;
    do
    :: i < 2 ->
#ifndef BUG_COUNTS_FROM_RECEIPT
        if
        :: node[i].credit[1] == 0 -> node[i].sent[1] = 0
        :: else
        fi;
        if
        :: node[i].credit[0] == 0 ->
            node[i].sent[0] = node[i].sent[1]; node[i].credit[0] = node[i].credit[1];
            node[i].sent[1] = 0; node[i].credit[1] = 0
        :: else
        fi;
#endif
        if
        :: node[i].sight != NIL && (SEEN(i).holder == NOBODY || OWN(i)) -> node[i].wait = 0
        :: else
        fi;
        i = i + 1
    :: else -> break
    od;
    i = 1;
    do
    :: i <= top ->
        if
        :: record[i].flies && record[i].replaces != stands && !REVIVABLE(i) && !ASKED(0, i) && !ASKED(1, i) ->
            record[i].flies = 0
        :: else
        fi;
        if
        :: record[i].flies || i == stands || (FORGETS && i == before) || KNOWN(0, i) || KNOWN(1, i)
        :: else ->
            record[i].holder = 0; record[i].incarnation = 0; record[i].epoch = 0; record[i].version = 0;
            record[i].replaces = 0; record[i].stood = 0
        fi;
        if
        :: record[i].flies || ASKED(0, i) || ASKED(1, i)
        :: else -> record[i].replaces = 0
        fi;
        i = i + 1
    :: else -> break
    od;
    i = 0
}

/* Both nodes are alike, so the first write is node 0's. */
#ifdef LIVE
#define FIRST true
#else
#define FIRST (n == 0 || lives > 2 || top > restarts * (1 - FORGETS))
#endif

proctype Process(byte n) {
    byte a, r, w, i;
    do
    /* It looks; when it asked changes nothing, only what stood when that arrived. */
#ifdef LIVE
    :: d_step { !me.asks && !me.paused && (CURIOUS || !FAULTY) && (FAULTY || !me.looked || me.mustReadBack) ->
        me.looked = 1; me.asks = 1; me.answer = FOUND; me.standing = stands }
#else
    :: d_step { !me.asks && CURIOUS -> me.asks = 1; me.answer = FOUND; me.standing = stands }
#endif
    /* It writes. */
    :: d_step { DUE(n) && top < BUDGET && FIRST -> write(); tidy() }
    /* An answer arrives. */
    :: d_step { me.answer != 0 -> receive(); tidy() }
    /* A write that was granted came twice, and the second answer is the first to arrive. */
    :: d_step { FAULTY && me.asked != NIL && record[me.asked].stood -> me.answer = REFUSED; me.standing = stands; receive(); tidy() }
    /* None does. */
    :: d_step { FAULTY && me.asked != NIL -> giveUp(); tidy() }
    /* It changes its mind. */
    :: d_step { FAULTY && changes < CHANGES && me.wants ->
        changes = changes + 1;
        me.wants = 0;
#ifdef BUG_GIVES_BACK_FIRST
        me.holds = 0
#else
        leave()
#endif
    }
    :: d_step { FAULTY && !me.wants -> me.wants = 1 }
    /* Its process crashes, and another begins: one that knows that this one is gone, or one that serves nothing. */
    :: d_step { FAULTY && crashes < CRASHES -> a = me.incarnation; crash(); me.predecessor = a; a = 0; tidy() }
    :: d_step { FAULTY && crashes < CRASHES -> crash(); me.serves = 0; me.tenure = 0; tidy() }
#ifndef CLOCKS
    /* Its clock is fast: what it counts is over. */
    :: d_step { FAULTY && me.serves > 0 -> me.serves = 0; me.tenure = 0; me.holds = 0 }
#endif
#ifdef LIVE
    :: somebodyHeld -> break
#endif
    od
}

/* Write number i arrives. */
#define ARRIVAL(i) \
    :: d_step { i <= top && record[i].flies -> w = i; record[w].flies = 0; carry() } \
    /* The same will come once more, and may be granted then. */ \
    :: d_step { i <= top && record[i].flies && FAULTY && (quiet > 0 || REVIVABLE(i)) -> w = i; carry() }

inline carry() {
    n = (record[w].incarnation == node[0].incarnation -> 0 : 1);
    arrive();
    n = 0; w = 0;
    tidy()
}

inline restart() {
    restarts = restarts + 1;
    quiet = QUIET
}

/* What it shows is free, and above all that it gave out. */
inline showHeight() {
    top = top + 1;
    record[top].holder = NOBODY;
    record[top].epoch = highestGiven.epoch;
    record[top].version = highestGiven.version + 1;
    record[top].stood = 1;
    highestGiven.version = highestGiven.version + 1;
    stands = top
}

proctype Arbiter() {
    byte n, a, r, w, i;
    do
    ARRIVAL(1)
    ARRIVAL(2)
    ARRIVAL(3)
    ARRIVAL(4)
    ARRIVAL(5)
    ARRIVAL(6)
#if WRITES > 6
    ARRIVAL(7)
    ARRIVAL(8)
#endif
    /* It restarts. */
#if FORGETS
    :: d_step { FAULTY && restarts < RESTARTS -> restart(); stands = NIL; before = NIL; tidy() }
    :: d_step { FAULTY && restarts < RESTARTS -> restart(); stands = before; tidy() }
#else
    :: d_step { FAULTY && restarts < RESTARTS -> restart(); showHeight(); tidy() }
#endif
#ifdef LIVE
    :: somebodyHeld -> break
#endif
    od
}

/* What a clock shows of one tick. */
#ifdef CLOCKS
#define SHOWS(i, ticks) if \
    :: node[i].calm == 0 -> node[i].calm = 3; ticks = 0 \
    :: node[i].calm == 0 -> node[i].calm = 3; ticks = 2 \
    :: ticks = 1; count(node[i].calm, 1) \
    fi
#define RESET first = 0; second = 0;
#else
#define RESET
#define first 1
#define second 1
#endif

/* All that can be done without time passing is done, and nobody holds. */
#define CALM (!somebodyHeld && !node[0].asks && !node[1].asks && !node[0].mustReadBack && !node[1].mustReadBack && !DUE(0) && !DUE(1) \
    && (node[0].looked || node[0].paused) && (node[1].looked || node[1].paused) \
    && node[0].serves == 0 && node[1].serves == 0)

/* A tick of true time. */
proctype Time() {
#ifdef CLOCKS
    byte first, second;
#endif
    byte n, i;
    do
#ifdef LIVE
    /* All is well from here on: both want to hold, what is late is lost, and what is asked is answered before time passes. */
    :: d_step { FAULTY ->
        faultsEnded = 1;
        node[0].wants = 1; node[1].wants = 1;
        node[0].looked = 0; node[1].looked = 0; node[0].paused = 0; node[1].paused = 0;
        n = 1;
        do
        :: n <= top ->
            if
            :: !ASKED(0, n) && !ASKED(1, n) -> record[n].flies = 0
            :: else
            fi;
            n = n + 1
        :: else -> break
        od;
        n = 0;
        tidy() }
    :: d_step { faultsEnded && (node[0].serves > 0 || node[1].serves > 0) -> somebodyHeld = 1 }
    :: somebodyHeld -> break
    :: atomic { (FAULTY || CALM) ->
        if
        :: FAULTY
        :: else -> sinceThen = sinceThen + 1; assert(sinceThen <= L + 2)
        fi;
        node[0].looked = 0; node[1].looked = 0; node[0].paused = 0; node[1].paused = 0;
#else
    :: atomic {
#endif
#ifdef CLOCKS
        SHOWS(0, first);
        SHOWS(1, second);
#endif
        d_step {
            count(quiet, 1);
            n = 0; pass(first);
            n = 1; pass(second);
            n = 0; RESET
            tidy()
        } }
    od
}

init {
    atomic {
        node[0].incarnation = 1; node[0].wants = 1;
        node[1].incarnation = 2; node[1].wants = 1;
        lives = 2;
        run Process(0);
        run Process(1);
        run Arbiter();
        run Time()
    }
}
