/// A `track_file`: a file whose number counts. Instances, sync groups and real servers name it.
public struct TrackFile: Hashable, Sendable {
    /// `init_file`: written at the start.
    public struct Initial: Hashable, Sendable {
        public var value: Int
        /// `overwrite`: even where the file exists.
        public var overwrites: Bool

        public init(value: Int = 0, overwrites: Bool = false) {
            self.value = value
            self.overwrites = overwrites
        }
    }

    public var name: String
    /// `file`.
    public var path: String
    /// `weight`, -254…254: what is read is multiplied with it; 0 faults when it is not 0.
    public var weight: Int = 1
    /// `weight N reverse`.
    public var reverse: Bool = false
    public var initial: Initial?

    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}
