/// The first page of the memfd that supervisor and worker share. The rest of it, from ``stateOffset``, is
/// the worker's: the supervisor neither reads nor writes there.
///
/// | offset | size | what |
/// | --- | --- | --- |
/// | 0 | 8 | magic |
/// | 8 | 8 | the promise: boot-time nanoseconds by which the worker will have woken; 0 while it starts |
/// | 16 | 8 | this life of the daemon: random, the same for all its workers |
public enum StatePage {
    /// `ALOFT`, and the layout's version.
    public static let magic: UInt64 = 0x414C_4F46_5400_0001
    public static let magicOffset = 0
    public static let promiseOffset = 8
    public static let incarnationOffset = 16
    public static let size = 4096
    /// Where the worker's own state begins.
    public static let stateOffset = 4096
    /// The size of the memfd, sealed: it can be neither cut nor grown. Pages that nobody touched cost nothing.
    public static let memorySize = 32 << 20
}
