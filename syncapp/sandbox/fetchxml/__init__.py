"""FetchXML, Dataverse's own query language: read from XML or SQL, run as SQL over the store, shown as JSON.

query      what a query is, free of XML and SQL
parsing    XML to a query              sql        the SDK's SELECT to the same query
translation, operators, dates          a query to one statement of SQLite
cookies    where a page ended          answers    rows to the body of an answer
"""
